/** bin/ssh as a master: who becomes one, ControlPersist, who may come in, and how it ends. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  freePort,
  makeFolder,
  missing,
  nacreProgram,
  sshCommand,
  startProgram,
  startTerminal,
  type Terminal,
} from '../harness/index.ts';
import {
  answers,
  command,
  env,
  lockedKey,
  pidOf,
  run,
  sharedServer,
  socketPath,
  startEcho,
  startMaster,
  until,
} from './_shared.ts';

const skip = missing('nacre:ssh', 'sshd', 'ssh');
const withTerminal = skip || missing('python3');
const persist = ['-o', 'ControlMaster=auto', '-o', 'ControlPersist=60'];

test('ControlPersist: the first one starts a master, the next one goes through it', { skip }, async (t) => {
  const path = socketPath(t);
  const first = await run('ours', [...persist, '-S', path], ['cat; echo oops >&2; exit 4'], { input: 'typed' });
  // That it ended at all: the master holds no end of the pipes.
  assert.deepEqual([first.text, first.stderr, first.status], ['typed', 'oops\n', 4]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const pid = await pidOf(path);
  assert.ok(pid > 1);
  if (process.platform === 'linux') {
    const [, , , , session, terminal] = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /, 'x ')
      .split(' ');
    assert.deepEqual([Number(session), Number(terminal)], [pid, 0], 'a session of its own, and no terminal');
    assert.match(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), /^ssh: .* \[mux\]/);
  }
  const logins = await countLogins();
  const second = await run('ours', [...persist, '-S', path], ['exit 5']);
  assert.equal(second.status, 5);
  assert.equal(await countLogins(), logins);
  assert.equal(await pidOf(path), pid);
  const exit = await run('ours', ['-S', path, '-O', 'exit']);
  assert.deepEqual([exit.status, exit.stderr], [0, 'Exit request sent.\r\n']);
  await until('it has gone', () => !existsSync(path) && !lives(pid));
});

test('ControlPersist ends a master that nobody uses, and none that is used', { skip }, async (t) => {
  const path = socketPath(t);
  const short = ['-o', 'ControlMaster=auto', '-o', 'ControlPersist=1'];
  const long = startProgram(await command('ours', [...short, '-S', path], ['echo begun; sleep 3; echo over']), { env });
  await long.waitForLog(/begun/);
  const pid = await pidOf(path);
  await long.waitForLog(/over/);
  assert.ok(lives(pid), 'three seconds of use are no idleness');
  await until('nobody uses it', () => !existsSync(path) && !lives(pid));
});

test('ControlPersist: -N returns, -O stop ends it with its last client, SIGTERM at once', { skip }, async (t) => {
  const path = socketPath(t);
  const [echo, port] = [await startEcho(t), await freePort()];
  const begun = await run('ours', [...persist, '-S', path, '-N', '-L', `${port}:127.0.0.1:${echo}`]);
  assert.deepEqual([begun.status, begun.stderr], [0, '']);
  assert.ok(await answers(port));
  // What it opened before it listened can be cancelled as well.
  assert.equal((await run('ours', ['-S', path, '-O', 'cancel', '-L', `${port}:127.0.0.1:${echo}`])).status, 0);
  assert.equal(await answers(port), false);
  const pid = await pidOf(path);
  const session = startProgram(await command('ours', ['-S', path], ['echo in; read line; echo out']), { env });
  await session.waitForLog(/in/);
  await run('ours', ['-S', path, '-O', 'stop']);
  assert.equal(existsSync(path), false);
  await until('its last client has gone', () => !lives(pid));

  await run('ours', [...persist, '-S', path], ['true']);
  const next = await pidOf(path);
  process.kill(next, 'SIGTERM');
  await until('it ends and takes its socket away', () => !lives(next) && !existsSync(path));
});

test('ControlPersist with a login that fails, and -f', { skip }, async (t) => {
  const path = socketPath(t);
  const failed = await run('ours', [...persist, '-S', path, '-o', 'PreferredAuthentications=none'], ['true']);
  assert.equal(failed.status, 255);
  assert.match(failed.stderr, /^[^\n]*Permission denied \([^\n]*\n$/);
  assert.equal(existsSync(path), false);
  const file = join(makeFolder('f'), 'done');
  const background = await run('ours', [...persist, '-f', '-S', path], [`sleep 0.3; echo late; touch ${file}`]);
  assert.deepEqual([background.status, background.text, background.stderr], [0, 'late\n', '']);
  assert.ok(existsSync(file));
  assert.ok((await pidOf(path)) > 1);
});

test('several that begin at once: each has its session, one is the master', { skip }, async (t) => {
  const path = socketPath(t);
  const results = await Promise.all(
    Array.from({ length: 4 }, (_, index) =>
      run('ours', [...persist, '-S', path], [`cat; exit ${index}`], { input: `in ${index}` }),
    ),
  );
  for (const [index, { text, status, stderr }] of results.entries()) {
    assert.deepEqual([text, status], [`in ${index}`, index], stderr);
    assert.match(stderr, /^(?:ControlSocket .* already exists, disabling multiplexing\r\n)?$/);
  }
  assert.ok((await pidOf(path)) > 1);
});

test('-f -N -M leaves a master behind, and nothing at the pipes', { skip }, async (t) => {
  const path = socketPath(t);
  const result = await run('ours', ['-f', '-N', '-M', '-S', path]);
  assert.deepEqual([result.status, result.text, result.stderr], [0, '', '']);
  const pid = await pidOf(path);
  assert.equal((await run('theirs', ['-S', path, '-O', 'exit'])).status, 0);
  await until('it has gone', () => !lives(pid) && !existsSync(path));
});

test('ControlPersist asks at the terminal, has the session there, and Ctrl-C ends no master', {
  skip: withTerminal,
}, async (t) => {
  const path = socketPath(t);
  const asking = { ...(await sharedServer()), identity: await lockedKey() };
  const argv = sshCommand(asking, ['exec sh'], {
    program: nacreProgram('ssh'),
    options: ['BatchMode=no'],
    flags: [...persist, '-t', '-S', path],
  });
  const terminal = startTerminal(argv, { env: { ...env, SSH_ASKPASS: undefined, DISPLAY: undefined } });
  t.after(() => terminal.close());
  await terminal.expect(/Enter passphrase for key '.*':/);
  terminal.send('sesame\r');
  await readyShell(terminal);
  terminal.send('stty -a | grep -c isig; tty; exit 3\r');
  await terminal.expect(/\/dev\/pts\/\d+/);
  await terminal.expect(/Shared connection to 127\.0\.0\.1 closed\./);
  assert.equal((await terminal.ended()).status, 3);
  const pid = await pidOf(path);

  // Without a terminal there, Ctrl-C is this one's: it ends the client.
  const plain = startTerminal(await command('ours', ['-T', '-S', path], ['echo begun; exec sleep 60']), { env });
  t.after(() => plain.close());
  await plain.expect(/begun/);
  plain.send('\x03');
  await plain.ended();
  assert.equal(await pidOf(path), pid);
});

test('a master whose own session is over waits for the others', { skip }, async (t) => {
  const { path, master } = await startMaster(t, 'ours', ['-v'], ['sleep 0.2; echo own']);
  const other = startProgram(await command('ours', ['-S', path], ['echo begun; sleep 1; echo other']), { env });
  const ended = new Promise((resolve) => master.child.once('exit', resolve));
  await other.waitForLog(/begun/);
  await master.waitForLog(/own/);
  await other.waitForLog(/other/);
  assert.equal(await ended, 0);
  assert.equal(existsSync(path), false);
});

test('~. in a master ends all, and takes the socket away', { skip: withTerminal }, async (t) => {
  const path = socketPath(t);
  const terminal = startTerminal(await command('ours', ['-M', '-t', '-S', path], ['echo begin; cat']), { env });
  t.after(() => terminal.close());
  await terminal.expect(/begin/);
  const other = startProgram(await command('ours', ['-S', path], ['echo begun; exec sleep 60']), { env });
  await other.waitForLog(/begun/);
  const ended = new Promise((resolve) => other.child.once('exit', resolve));
  terminal.send('\r~.');
  assert.equal((await terminal.ended()).status, 255);
  assert.equal(await ended, 255);
  assert.equal(existsSync(path), false);
});

test('a place that is taken: -M says so, a stale socket goes, a file stays', { skip }, async (t) => {
  const { path, master } = await startMaster(t, 'ours');
  const second = await run('ours', ['-M', '-S', path], ['echo by itself']);
  assert.deepEqual(
    [second.text, second.stderr],
    ['by itself\n', `ControlSocket ${path} already exists, disabling multiplexing\r\n`],
  );
  master.child.kill('SIGKILL');
  await master.stop();
  assert.ok(existsSync(path));
  const kept = await run('ours', ['-S', path], ['echo alone']);
  assert.deepEqual([kept.text, kept.stderr], ['alone\n', `Control socket connect(${path}): Connection refused\r\n`]);
  const check = await run('ours', ['-S', path, '-O', 'check']);
  assert.equal(check.status, 255);
  const removed = await run('ours', ['-v', '-o', 'ControlMaster=auto', '-S', path], ['echo anew']);
  assert.match(removed.stderr, /^debug1: Stale control socket .*, unlinking\r$/m);
  assert.equal(removed.text, 'anew\n');
  assert.equal(existsSync(path), false);

  const file = join(makeFolder('s'), 'c');
  writeFileSync(file, 'mine');
  const other = await run('ours', ['-o', 'ControlMaster=auto', '-S', file], ['echo whatever']);
  assert.equal(other.text, 'whatever\n');
  assert.match(other.stderr, /ControlSocket .* already exists, disabling multiplexing/);
  assert.equal(readFileSync(file, 'utf8'), 'mine');
});

test('no place for a socket: a folder that is not there, a name too long, a folder of everybody', {
  skip,
}, async () => {
  const folder = makeFolder('s');
  const auto = ['-o', 'ControlMaster=auto', '-S'];
  const nowhere = await run('ours', [...auto, join(folder, 'no', 'c')], ['true']);
  assert.equal(nowhere.status, 255);
  assert.match(nowhere.stderr, /^unix_listener: cannot bind to path .*: No such file or directory\r\n$/);
  const long = join(folder, 'x'.repeat(110));
  for (const who of ['ours', 'theirs'] as const) {
    const result = await run(who, ['-S', long], ['true']);
    assert.deepEqual([result.status, result.stderr], [255, `ControlPath too long ('${long}' >= 108 bytes)\r\n`]);
  }
  const open = join(folder, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  const unsafe = await run('ours', [...auto, join(open, 'c')], ['echo goes on']);
  assert.equal(unsafe.text, 'goes on\n');
  assert.match(unsafe.stderr, /^others may put files into /);
});

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // One that has ended and that nobody has asked about is no process any more.
  if (process.platform !== 'linux') return true;
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

async function countLogins(): Promise<number> {
  return (await sharedServer()).log().match(/Accepted publickey/g)?.length ?? 0;
}

/** A plain shell, whose prompt cannot be taken for what is typed. */
async function readyShell(terminal: Terminal): Promise<void> {
  await terminal.expect(/# $|\$ $/);
  terminal.send("PS1='ready'; PS1=$PS1'> '; echo\r");
  await terminal.expect(/ready> /);
}
