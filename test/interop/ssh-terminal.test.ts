/** bin/ssh at a terminal, as a person uses it: a shell, full-screen programs, resizes, Ctrl-C, escapes, suspension. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  missing,
  nacreProgram,
  sshCommand,
  startOpenSshServer,
  startTerminal,
  type Terminal,
  type TerminalOptions,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd', 'python3');
const program = nacreProgram('ssh');
let server: TestServer;

before(async () => {
  if (!skip) server = await startOpenSshServer({ config: ['PrintMotd no', 'PrintLastLog no'] });
});

const env = { SSH_AUTH_SOCK: undefined };

function start(args: readonly string[] = [], flags: readonly string[] = [], options: TerminalOptions = {}): Terminal {
  return startTerminal(sshCommand(server, args, { program, flags }), { ...options, env });
}

/** A plain shell, whose prompt cannot be taken for what is typed. */
async function startShell(options: TerminalOptions = {}): Promise<Terminal> {
  const terminal = start(['exec sh'], ['-t'], options);
  await terminal.expect(/# $|\$ $/);
  terminal.send("PS1='ready'; PS1=$PS1'> '; echo\r");
  await terminal.expect(/ready> /);
  return terminal;
}

/** A program that shows each line twice: the terminal's echo and its own. */
const twice = 'echo begin; cat';

async function startTwice(flags: readonly string[] = []): Promise<Terminal> {
  const terminal = start([twice], ['-t', ...flags]);
  await terminal.expect(/begin/);
  return terminal;
}

test('a shell of one’s own: terminal, size, TERM, exit status, farewell', { skip }, async () => {
  const terminal = start([], [], { columns: 132, rows: 43 });
  await terminal.expect(/[#$] /);
  terminal.send('stty size; echo "TERM=$TERM"; tty\r');
  await terminal.expect(/43 132\s/);
  await terminal.expect(/TERM=xterm-256color/);
  await terminal.expect(/\/dev\/pts\/\d+/);
  terminal.send('exit 7\r');
  await terminal.expect(/Connection to 127\.0\.0\.1 closed\./);
  assert.equal((await terminal.ended()).status, 7);
});

test('the modes of the terminal here are those of the terminal there', { skip }, async () => {
  const argv = sshCommand(server, ['stty -a'], { program, flags: ['-t'] });
  const terminal = startTerminal(['sh', '-c', 'stty erase ^H intr ^X -ixon; "$@"', 'sh', ...argv], { env });
  await terminal.expect(/intr = \^X;.*erase = \^H;/s);
  await terminal.expect(/-ixon/);
  assert.equal((await terminal.ended()).status, 0);
});

test('a new size arrives at the program', { skip }, async () => {
  const terminal = await startShell();
  terminal.resize(100, 50);
  terminal.send('sleep 0.5; stty size\r');
  await terminal.expect(/50 100\s/);
  await terminal.close();
});

test('Ctrl-C ends the program there, and neither the shell nor ssh', { skip }, async () => {
  const terminal = await startShell();
  terminal.send('sleep 1000; echo "status $?"\r');
  await new Promise((resolve) => setTimeout(resolve, 300));
  terminal.send('\x03');
  await terminal.expect(/ready> /);
  terminal.send('echo still $((40 + 2))\r');
  await terminal.expect(/still 42/);
  await terminal.close();
});

test('Ctrl-C is obeyed at once while output floods the screen', { skip }, async () => {
  const terminal = await startShell();
  terminal.send('yes\r');
  await terminal.expect(/y\r?\ny/);
  const started = performance.now();
  terminal.send('\x03');
  await terminal.expect(/ready> /, 20_000);
  assert.ok(performance.now() - started < 5000);
  await terminal.close();
});

test('vim opens, edits and quits', { skip: skip || missing('vim') }, async () => {
  const terminal = await startShell();
  terminal.send('vim -u NONE -N\r');
  await terminal.expect(/VIM - Vi IMproved/i);
  terminal.send('ihello\x1b:1s/hello/goodbye/\r');
  await terminal.expect(/goodbye/);
  terminal.send(':q!\r');
  await terminal.expect(/ready> /);
  await terminal.close();
});

test('top shows a screenful', { skip: skip || missing('top') }, async () => {
  const terminal = start(['top -n 1'], ['-t'], { columns: 100, rows: 30 });
  await terminal.expect(/PID USER/);
  assert.equal((await terminal.ended()).status, 0);
});

test('~. leaves, the terminal is as it was', { skip }, async () => {
  const argv = sshCommand(server, [twice], { program, flags: ['-t'] });
  const terminal = startTerminal(['sh', '-c', 'stty -g; "$@"; echo "status $?"; stty -g; sleep 0.2', 'sh', ...argv], {
    env,
  });
  const [, modes = ''] = await terminal.expect(/([0-9a-f:]{40,})/);
  await terminal.expect(/begin/);
  terminal.send('abc\r');
  await terminal.expect(/abc\s+abc/);
  terminal.send('~.');
  await terminal.expect(/Connection to 127\.0\.0\.1 closed\./);
  await terminal.expect(/status 255/);
  await terminal.expect(new RegExp(modes));
  assert.equal((await terminal.ended()).status, 0);
});

test('~. leaves a server that no longer answers', { skip }, async () => {
  const own = await startOpenSshServer();
  const terminal = startTerminal(sshCommand(own, [twice], { program, flags: ['-t'] }), { env });
  await terminal.expect(/begin/);
  terminal.send('abc\r');
  await terminal.expect(/abc\s+abc/);
  process.kill(own.pid as number, 'SIGSTOP');
  terminal.send('\r~.');
  await terminal.expect(/Connection to 127\.0\.0\.1 closed\./);
  assert.equal((await terminal.ended()).status, 255);
  process.kill(own.pid as number, 'SIGCONT');
});

test('~? helps, ~~ sends one, ~R exchanges keys, ~B breaks, ~v talks more, ~x is not an escape', { skip }, async () => {
  const terminal = await startTwice();
  terminal.send('one\r');
  await terminal.expect(/one\s+one/);
  terminal.send('~?');
  await terminal.expect(/~\.\s+.*~\^Z/s);
  terminal.send('~~tilde\r');
  await terminal.expect(/~tilde\s+~tilde\s/);
  terminal.send('~B');
  await terminal.expect(/~B/);
  terminal.send('\r~v~v');
  await terminal.expect(/LogLevel VERBOSE.*LogLevel DEBUG1/s);
  terminal.send('~R');
  await terminal.expect(/debug1: kex: algorithm/);
  terminal.send('~xyz\r');
  await terminal.expect(/~xyz\s+~xyz/);
  terminal.send('\x04');
  assert.equal((await terminal.ended()).status, 0);
});

test('another escape character, and none', { skip }, async () => {
  const other = await startTwice(['-e', '%']);
  other.send('~.\r');
  await other.expect(/~\.\s+~\./);
  other.send('%.');
  assert.equal((await other.ended()).status, 255);
  const none = await startTwice(['-e', 'none']);
  none.send('~.\r');
  await none.expect(/~\.\s+~\./);
  none.send('\x04');
  assert.equal((await none.ended()).status, 0);
});

test('~^Z suspends: the shell here has its terminal, fg goes on', { skip: skip || missing('bash') }, async () => {
  const quoted = sshCommand(server, [twice], { program, flags: ['-t'] }).map((word) => `'${word}'`);
  const terminal = startTerminal(['bash', '--norc', '-i'], { env });
  await terminal.expect(/bash-[\d.]+[#$] /);
  terminal.send(`${quoted.join(' ')}\r`);
  await terminal.expect(/begin\s*$/);
  terminal.send('abc\r');
  await terminal.expect(/abc\s+abc/);
  terminal.send('~\x1a');
  await terminal.expect(/\[suspend ssh\]/);
  await terminal.expect(/Stopped/);
  terminal.send('stty -a | grep -o " icanon"; echo next\r');
  await terminal.expect(/ icanon\s+next/);
  terminal.send('fg\r');
  await terminal.expect(/cat/);
  terminal.send('def\r');
  await terminal.expect(/def\s+def/);
  terminal.send('~.');
  await terminal.expect(/closed\./);
  terminal.send('exit\r');
  await terminal.ended();
});

test('hanging up ends it', { skip }, async () => {
  const terminal = await startShell();
  terminal.send('echo "shell $$"\r');
  const [, pid] = await terminal.expect(/shell (\d+)/);
  await terminal.close();
  for (let tries = 0; tries < 50 && isAlive(Number(pid)); tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(isAlive(Number(pid)), false, 'the shell at the server is still there');
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
