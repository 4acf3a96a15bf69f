/** Sessions of bin/ssh beside those of OpenSSH's ssh: terminals asked for, input, environment, endings, commands on this machine. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  type ProgramResult,
  runProgram,
  runSsh,
  sshCommand,
  startOpenSshServer,
  startProgram,
  startTerminal,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'ssh', 'sshd');
const program = nacreProgram('ssh');
let server: TestServer;

before(async () => {
  if (!skip) {
    server = await startOpenSshServer({
      config: ['AcceptEnv FOO* BAR', 'PrintMotd no', 'PrintLastLog no'],
    });
  }
});

interface Row {
  readonly args?: readonly string[];
  readonly flags?: readonly string[];
  readonly options?: readonly string[];
  readonly input?: string;
  readonly env?: Record<string, string>;
}

/** Each is run by both, and must come to the same status, output and messages. */
const rows: readonly Row[] = [
  { args: ['exit 0'] },
  { args: ['exit 42'] },
  { args: ['exit 255'] },
  { args: ['kill -TERM $$'] },
  { args: ['kill -9 $$'] },
  { args: ['exec 1>&-; exit 7'] },
  { args: ['echo out; echo err >&2'] },
  { args: ['cat; tty'], input: 'typed\n' },
  { args: ['cat'], input: 'typed\n', flags: ['-n'] },
  { args: ['cat'], input: 'typed\n', options: ['StdinNull=yes'] },
  { input: 'echo "shell $0" | tr -d -; exit 5\n', flags: ['-T'] },
  { input: 'exit 5\n', options: ['RequestTTY=no'] },
  { input: 'exit 5\n' },
  { args: ['tty; exit 3'], flags: ['-t'] },
  { args: ['tty | sed s/[0-9]*$//; exit 3'], flags: ['-tt'] },
  { args: ['tty | sed s/[0-9]*$//; exit 3'], options: ['RequestTTY=force'] },
  { args: ['tty'], options: ['RequestTTY=yes'] },
  { args: ['tty'], options: ['RequestTTY=auto'] },
  { args: ['tty'], flags: ['-tt', '-T'] },
  { args: ['tty | sed s/[0-9]*$//'], flags: ['-T', '-tt'] },
  { options: ['RemoteCommand=echo configured; exit 6'] },
  { args: ['true'], options: ['RemoteCommand=echo configured'] },
  { args: ['nosuch'], flags: ['-s'] },
  { flags: ['-s'] },
  { args: ['echo "$FOO $FOOD $BAR"'], options: ['SendEnv=FOO*'], env: { FOO: '1', FOOD: '2', BAR: '3' } },
  { args: ['echo "$FOO $BAR"'], options: ['SendEnv=FOO BAR', 'SetEnv=FOO=set'], env: { FOO: '1', BAR: '3' } },
  { args: ['echo "$FOO $FOOD"'], options: ['SendEnv=FOO*', 'SendEnv=-FOOD'], env: { FOO: '1', FOOD: '2' } },
  { args: ['echo "[$FOO]"'], options: ['SetEnv=FOO="two words"'] },
  { args: ['echo in'], options: ['SessionType=none'], flags: ['-W', '127.0.0.1:1'] },
  {
    args: ['echo remote'],
    options: ['PermitLocalCommand=yes', 'LocalCommand=echo "local %h %n %p %r %u %T %%"; exit 4'],
  },
  { args: ['echo remote'], options: ['LocalCommand=echo local'] },
  { args: ['echo remote'], options: ['PermitLocalCommand=yes', 'LocalCommand=none'] },
  { args: ['true'], options: ['IPQoS=af21 cs1', 'TCPKeepAlive=no', 'ServerAliveInterval=5'] },
  { args: ['true'], options: ['IPQoS=nonsense'] },
  { args: ['true'], flags: ['-B', 'lo'] },
  { args: ['true'], flags: ['-f'] },
  { flags: ['-f'] },
];

/** Blanks, names and addresses that are each client's own are no difference. */
function outcome({ status, stdout, stderr }: ProgramResult): object {
  const text = stderr
    .replaceAll('\r\n', '\n')
    .replace(/^(?:usage:|\s+\[)[\s\S]*/m, 'usage')
    .replace(/^command-line(?::)? line 0:/m, 'command-line line 0:');
  return { status, stdout: stdout.toString(), stderr: text };
}

test('flags and settings of a session come to what they come to with OpenSSH', { skip }, async () => {
  for (const { args = [], ...given } of rows) {
    const [theirs, ours] = [
      outcome(await runSsh(server, args, given)),
      outcome(await runSsh(server, args, { ...given, program })),
    ];
    assert.deepEqual(ours, theirs, JSON.stringify({ args, ...given }));
  }
});

test('at a terminal: who gets one there', { skip: skip || missing('python3') }, async () => {
  const words = "if [ -t 0 ]; then echo 'is one'; else echo 'is none'; fi";
  const table: readonly (readonly [readonly string[], readonly string[]])[] = [
    [[], [words]],
    [['-t'], [words]],
    [['-o', 'RequestTTY=yes'], [words]],
    [['-o', 'RequestTTY=auto'], [words]],
    [['-o', `RemoteCommand=${words}`], []],
    [['-t', '-o', `RemoteCommand=${words}`], []],
    [['-t', '-n'], [words]],
    [['-T'], [words]],
  ];
  for (const [flags, args] of table) {
    const shown: string[] = [];
    for (const path of [openSshProgram('ssh'), program]) {
      const terminal = startTerminal(sshCommand(server, args, { program: path, flags }), {
        env: { SSH_AUTH_SOCK: undefined },
      });
      const [found = ''] = await terminal.expect(/is (?:one|none)/);
      const { status } = await terminal.ended();
      shown.push(`${found}, ${status}, ${/Connection to \S+ closed\./.test(terminal.output())}`);
    }
    assert.equal(shown[1], shown[0], JSON.stringify([flags, args]));
  }
});

test('escapes are none where no terminal was asked for', { skip }, async () => {
  const result = await runSsh(server, ['cat'], { program, input: '~.\n~?\n~~\n' });
  assert.deepEqual([result.status, result.stdout.toString()], [0, '~.\n~?\n~~\n']);
});

test('names that a shell would take for more are not put into its commands', { skip }, async () => {
  const proof = join(makeFolder('shell'), 'proof');
  const refuse = async (destination: string, ...options: string[]): Promise<string> => {
    const argv = sshCommand(server, ['true'], { program, options: ['StrictHostKeyChecking=no', ...options] });
    argv[argv.indexOf(server.host)] = destination;
    const { status, stderr } = await runProgram(argv, { cwd: makeFolder('shell'), env: { SSH_AUTH_SOCK: undefined } });
    assert.equal(status, 255, stderr);
    assert.equal(existsSync(proof), false);
    return stderr;
  };
  const known = ['HostName=127.0.0.1', 'PermitLocalCommand=yes'];
  const alias = `HostKeyAlias="$(touch ${proof})"`;
  const refusal = /^LocalCommand: the HostKeyAlias holds characters that a shell acts upon\n$/m;
  assert.match(await refuse('box', ...known, alias, 'LocalCommand=echo %k'), refusal);
  const invalid = 'hostname contains invalid characters\n';
  assert.equal(await refuse(`x\`touch ${proof}\``, 'ProxyCommand=echo %h'), invalid);
  assert.equal(await refuse('box', `HostName="x;touch ${proof}"`, 'ProxyCommand=echo %h'), invalid);
  const user = await refuse(`x;touch ${proof}@box`, 'ProxyCommand=echo %r');
  assert.match(user, /^(?:host|remote user)name contains invalid characters\n$/);
});

test('ChannelTimeout ends a session that carries nothing', { skip }, async () => {
  const options = ['ChannelTimeout=session=1'];
  const result = await runSsh(server, ['echo begun; sleep 60'], { program, options });
  assert.deepEqual(
    [result.status, result.stdout.toString(), result.stderr],
    [255, 'begun\n', 'channel 0: closing after 1 seconds of inactivity\r\n'],
  );
  const other = await runSsh(server, ['sleep 2; exit 3'], { program, options: ['ChannelTimeout=x11-connection=1'] });
  assert.equal(other.status, 3);
});

test('an interface that does not exist is named', { skip }, async () => {
  const { status, stderr } = await runSsh(server, ['true'], { program, flags: ['-B', 'nonexist0'] });
  assert.deepEqual([status, stderr], [255, 'getifaddrs: nonexist0: no suitable addresses\r\n']);
});

test('IPQoS is set on the socket', { skip: skip || missing('strace') }, async () => {
  const trace = join(makeFolder('strace'), 'trace');
  const argv = sshCommand(server, ['true'], { program, options: ['IPQoS=af21 cs1'] });
  const strace = ['strace', '-f', '-e', 'trace=setsockopt', '-o', trace];
  const { status, stderr } = await runProgram([...strace, ...argv], { env: { SSH_AUTH_SOCK: undefined } });
  assert.equal(status, 0, stderr);
  assert.match(readFileSync(trace, 'utf8'), /setsockopt\(\d+, SOL_IP, IP_TOS, \[32\], 4\) = 0/);
});

test('signals end the session in good order, and the terminal is as it was', {
  skip: skip || missing('python3', 'bash'),
}, async () => {
  for (const signal of ['TERM', 'HUP', 'INT', 'QUIT']) {
    const pidFile = join(makeFolder('signal'), 'pid');
    const starter = join(makeFolder('signal'), 'start');
    // The shell notes the number that its own process keeps when ssh takes its place.
    writeFileSync(starter, `#!/bin/sh\necho $$ >${pidFile}.part; mv ${pidFile}.part ${pidFile}; exec "$@"\n`, {
      mode: 0o755,
    });
    const argv = sshCommand(server, ['echo begin; cat'], { program, flags: ['-t'] });
    const script = 'stty -g; "$@"; echo "status $?"; stty -g';
    const terminal = startTerminal(['sh', '-c', script, 'sh', starter, ...argv], { env: { SSH_AUTH_SOCK: undefined } });
    const [modes] = await terminal.expect(/[0-9a-f:]{40,}/);
    await terminal.expect(/begin/);
    terminal.send('abc\r');
    await terminal.expect(/abc\s+abc/);
    process.kill(Number(readFileSync(pidFile, 'utf8')), `SIG${signal}`);
    await terminal.expect(/status 255/);
    const [after] = await terminal.expect(/[0-9a-f:]{40,}/);
    assert.equal(after, modes, signal);
    await terminal.close();
  }
});

test('a server that goes away leaves the terminal as it was', { skip: skip || missing('python3') }, async () => {
  const own = await startOpenSshServer();
  const argv = sshCommand(own, ['echo "session $PPID"; cat'], { program, flags: ['-t'] });
  const terminal = startTerminal(['sh', '-c', 'stty -g; "$@"; echo "status $?"; stty -g', 'sh', ...argv], {
    env: { SSH_AUTH_SOCK: undefined },
  });
  const [modes] = await terminal.expect(/[0-9a-f:]{40,}/);
  const [, pid] = await terminal.expect(/session (\d+)/);
  process.kill(Number(pid), 'SIGKILL');
  await terminal.expect(/closed by remote host|closed\./);
  await terminal.expect(/status 255/);
  assert.equal((await terminal.expect(/[0-9a-f:]{40,}/))[0], modes);
  await terminal.close();
});

test('-N stays until it is ended, which is no failure', { skip }, async () => {
  const running = startProgram(sshCommand(server, [], { program, flags: ['-N', '-v'] }), {
    env: { SSH_AUTH_SOCK: undefined },
  });
  await running.waitForLog(/Entering interactive session/);
  const ended = new Promise<number | null>((resolve) => running.child.once('close', resolve));
  process.kill(running.pid, 'SIGTERM');
  assert.equal(await ended, 0);
});
