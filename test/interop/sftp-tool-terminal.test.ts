/** bin/sftp at a terminal: editing, completion, history, ^C in a transfer, ^D, the window's size. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  clientOptions,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  startOpenSshServer,
  startTerminal,
  type Terminal,
} from '../harness/index.ts';

const own = nacreProgram('sftp');
const skip = missing('python3', 'sftp');
const content = Buffer.alloc(8_000_000, 'nacre');

/** A session on a server's folder of its own. */
async function start(t: TestContext, flags: readonly string[] = [], way?: readonly string[]) {
  const folder = makeFolder('sftp-terminal');
  const [here, there] = [join(folder, 'here'), join(folder, 'there')];
  for (const path of [here, join(there, 'inner folder/deep'), join(there, 'many'), join(here, 'local folder')])
    mkdirSync(path, { recursive: true });
  for (const name of ['alpha', 'alps', 'two words', "it's", '.hidden', 'inner folder/leaf']) {
    writeFileSync(join(there, name), `${name}\n`);
  }
  writeFileSync(join(there, 'large'), content);
  for (let at = 10; at < 30; at++) writeFileSync(join(there, `many/file-${at}`), '');
  symlinkSync('inner folder', join(there, 'linked'));
  writeFileSync(join(here, 'local one'), 'x');
  const argv = way ?? ['-D', `${openSshProgram('sftp-server')} -d ${there}`];
  const command = ['/bin/sh', '-c', 'trap : INT; "$@"; echo STATUS $?; stty -a; read x', 'sh', own, ...flags, ...argv];
  const terminal = startTerminal(command, {
    cwd: here,
    env: { LC_ALL: 'C.UTF-8', HOME: folder, SHELL: '/bin/sh', SSH_AUTH_SOCK: undefined },
  });
  t.after(() => terminal.close());
  return { terminal, here, there };
}

/** Sends a line, and waits for what it says and for the next prompt. */
async function ask(terminal: Terminal, line: string, answer: RegExp): Promise<RegExpExecArray> {
  terminal.send(`${line}\r`);
  const found = await terminal.expect(answer);
  await terminal.expect(/sftp> /);
  return found;
}

test('commands and paths are completed, here and there, and quoted as they need it', { skip }, async (t) => {
  const { terminal, here } = await start(t);
  await terminal.expect(/Attached to [\s\S]*sftp> /);
  terminal.send('lpw\t');
  await terminal.expect(/lpwd /);
  await ask(terminal, '', new RegExp(`Local working directory: ${here}`));
  terminal.send('re\t\t');
  await terminal.expect(/reget\s+rename\s+reput/);
  terminal.send('\x15ls al\t\t');
  await terminal.expect(/alpha\s+alps/);
  terminal.send('h\t');
  await terminal.expect(/ls alpha /);
  await ask(terminal, '', /\nalpha +\r?\n/);
  terminal.send('get tw\t');
  await terminal.expect(/get two\\ words /);
  await ask(terminal, '', /Fetching .*\/two words to two words/);
  assert.equal(readFileSync(join(here, 'two words'), 'utf8'), 'two words\n');
  terminal.send(`get "it\t`);
  await terminal.expect(/get "it's" /);
  await ask(terminal, '', /Fetching .*\/it's to it's/);
  terminal.send('ls inn\tle\t');
  await terminal.expect(/ls inner\\ folder\/leaf /);
  await ask(terminal, '', /\ninner folder\/leaf/);
  terminal.send('cd lin\t');
  await terminal.expect(/cd linked\//);
  await ask(terminal, '', /\n/);
  await ask(terminal, 'cd ..', /\n/);
  // The second word of put is the server's, that of get is ours.
  terminal.send('put local\\ o\t');
  await terminal.expect(/put local\\ one /);
  terminal.send('many\t');
  await terminal.expect(/put local\\ one many\//);
  await ask(terminal, '', /Uploading local one to .*\/many\/local one/);
  terminal.send('get alps local\t f\t');
  await terminal.expect(/get alps local\\ /);
  terminal.send('\x03');
  await terminal.expect(/sftp> /);
  terminal.send('\x04');
  await terminal.expect(/STATUS 0[\s\S]* icanon [\s\S]* echo /);
});

test('history by the arrow and by search; ^C at the prompt; lines of a window that has changed', {
  skip,
}, async (t) => {
  const { terminal, here } = await start(t);
  await terminal.expect(/sftp> /);
  await ask(terminal, 'cd many', /cd many/);
  await ask(terminal, 'pwd', /Remote working directory: .*\/many/);
  const wide = await ask(terminal, 'ls', /(file-10.*)\r?\n/);
  assert.equal(wide[1]?.trim().split(/\s+/).length, 8);
  terminal.resize(40, 20);
  terminal.send('\x1b[A');
  await terminal.expect(/ls/);
  const narrow = await ask(terminal, '', /(file-10.*)\r?\n/);
  assert.equal(narrow[1]?.trim().split(/\s+/).length, 4);
  terminal.send('nonsense\x03');
  await terminal.expect(/\^C[\s\S]*sftp> /);
  terminal.send('\x12pw');
  await terminal.expect(/reverse-i-search.*pw.*pwd/);
  await ask(terminal, '', /Remote working directory: .*\/many/);
  await ask(terminal, '!echo $((6*7))', /\n42\r?\n/);
  await ask(terminal, 'cd ..', /\n/);
  // Several at the same time: each has its line, and its bytes.
  await ask(terminal, 'get al*', /Fetching .*alpha to alpha[\s\S]*100%[\s\S]*100%/);
  for (const name of ['alpha', 'alps']) assert.equal(readFileSync(join(here, name), 'utf8'), `${name}\n`);
  await ask(terminal, 'get al* nowhere', /Multiple source paths/);
  await ask(terminal, 'put l* nothing/', /Multiple paths match|local .* is not a regular file/);
  await ask(terminal, 'progress', /Progress meter disabled/);
  await ask(terminal, 'nonsense', /Invalid command\./);
  terminal.send('bye\r');
  await terminal.expect(/STATUS 0/);
});

for (const way of ['a local server', 'ssh of our own', 'a program'] as const) {
  test(`^C gives a transfer up and leaves the session, over ${way}`, {
    skip: skip || missing('sshd', 'nacre:ssh'),
  }, async (t) => {
    let argv: string[] | undefined;
    if (way !== 'a local server') {
      const server = await startOpenSshServer();
      t.after(() => server.stop());
      const program = way === 'a program' ? ['-S', openSshProgram('ssh')] : [];
      argv = [...clientOptions(server), ...program, server.host];
    }
    // 200 kB in a second: it cannot be over before we say so.
    const { terminal, here, there } = await start(t, ['-l', '1600'], argv);
    await terminal.expect(/sftp> /);
    await ask(terminal, `cd ${there}`, /cd /);
    terminal.send('get large\r');
    await terminal.expect(/Fetching .*\/large to large/);
    await terminal.expect(/large +[1-9]\d?% /, 30_000);
    terminal.send('\x03');
    await terminal.expect(/Interrupt/);
    await terminal.expect(/sftp> /);
    const partial = statSync(join(here, 'large')).size;
    assert.ok(partial > 0 && partial < content.length, String(partial));
    assert.ok(readFileSync(join(here, 'large')).equals(content.subarray(0, partial)));
    // A tree, and files of a pattern: what comes after the one under way is not begun.
    terminal.send('get -r . copy\r');
    await terminal.expect(/large +\d+% /, 30_000);
    terminal.send('\x03');
    await terminal.expect(/Interrupt/);
    await terminal.expect(/sftp> /);
    await ask(terminal, 'pwd', new RegExp(`Remote working directory: ${there}`));
    writeFileSync(join(here, 'bulk'), content);
    terminal.send('put bulk again\r');
    await terminal.expect(/bulk +[1-9]\d?% /, 30_000);
    terminal.send('\x03');
    await terminal.expect(/Interrupt/);
    await terminal.expect(/sftp> /);
    await ask(terminal, 'get alpha', /alpha +100%/);
    assert.equal(readFileSync(join(here, 'alpha'), 'utf8'), 'alpha\n');
    assert.ok(existsSync(join(there, 'again')));
    terminal.send('\x04');
    await terminal.expect(/STATUS 0[\s\S]* icanon /);
  });
}

test('a connection that is lost at the prompt is told of at once', {
  skip: skip || missing('sshd', 'nacre:ssh'),
}, async (t) => {
  const server = await startOpenSshServer();
  t.after(() => server.stop());
  const { terminal } = await start(t, [], [...clientOptions(server), server.host]);
  await terminal.expect(/sftp> /);
  terminal.send('half a li');
  await terminal.expect(/half a li/);
  // The one process that serves this connection.
  process.kill(Number(await requireSuccess(['pgrep', '-P', String(server.pid)])));
  await terminal.expect(/Connection closed[\s\S]*STATUS 255[\s\S]* icanon /);
});

test('a server that goes away is told of, and ends the session', { skip }, async (t) => {
  const { terminal } = await start(t);
  await terminal.expect(/sftp> /);
  // It may be noticed at once, or by what is typed next.
  terminal.send('!kill $(pgrep -P $PPID sftp-server)\rls\r');
  await terminal.expect(/Connection closed[\s\S]*STATUS 255[\s\S]* icanon /);
});
