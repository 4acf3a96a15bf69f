/** Who may come in at a master of bin/ssh's, and what they cannot do there. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, lchownSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  makeFolder,
  missing,
  nacreProgram,
  runProgram,
  runSsh,
  sshCommand,
  startOpenSshServer,
  startProgram,
} from '../harness/index.ts';
import { command, env, run, socketPath, startMaster, until } from './_shared.ts';

const skip = missing('nacre:ssh', 'sshd', 'ssh');
/** HELLO, version 4. */
const greeting = '000000080000000100000004';

test('another user’s socket, and another user’s link, are not used', { skip: skip || missing('root') }, async (t) => {
  const { path } = await startMaster(t, 'ours');
  const folder = makeFolder('s');
  const link = join(folder, 'link');
  symlinkSync(path, link);
  assert.equal((await run('ours', ['-S', link, '-O', 'check'])).status, 0, 'a link of our own is');
  lchownSync(link, 12_345, 12_345);
  const linked = await run('ours', ['-S', link, '-O', 'check']);
  assert.deepEqual(
    [linked.status, linked.stderr],
    [255, `Control socket ${link} belongs to another user (uid 12345)\r\n`],
  );
  chownSync(path, 12_345, 12_345);
  const result = await run('ours', ['-S', path], ['echo by itself']);
  assert.deepEqual(
    [result.text, result.stderr],
    ['by itself\n', `Control socket ${path} belongs to another user (uid 12345)\r\n`],
  );
  chownSync(path, 0, 0);
});

test('another user at the socket is turned away', { skip: skip || missing('root', 'setpriv') }, async (t) => {
  const { path, master } = await startMaster(t, 'ours', ['-N', '-v']);
  // As if the mode had not kept them out.
  chmodSync(join(path, '..'), 0o755);
  chmodSync(path, 0o666);
  const argv = await command('theirs', ['-S', path, '-O', 'check']);
  const other = await runProgram(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...argv]);
  assert.equal(other.status, 255, other.stderr);
  assert.doesNotMatch(other.stderr, /Master running/);
  await master.waitForLog(/multiplex uid mismatch: peer euid 65534 != uid 0/);
  assert.equal((await run('ours', ['-S', path], ['echo still'])).text, 'still\n');
});

test('descriptors that a client sends end nothing', { skip: skip || missing('python3') }, async (t) => {
  const { path } = await startMaster(t, 'ours');
  const script = [
    'import array, os, pty, socket, sys',
    's = socket.socket(socket.AF_UNIX)',
    's.connect(sys.argv[1])',
    `s.sendall(bytes.fromhex('${greeting}'))`,
    'kinds = [os.open("/dev/null", 2), os.open("/etc/passwd", 0), pty.openpty()[1], os.pipe()[0], s.fileno()]',
    'for fd in kinds: s.sendmsg([bytes(1)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])',
    'print("sent")',
  ];
  const sent = await runProgram(['python3', '-c', script.join('\n'), path]);
  assert.equal(sent.stdout.toString(), 'sent\n', sent.stderr);
  assert.equal((await run('ours', ['-S', path], ['echo still'])).text, 'still\n');
});

test('a client that sends anything at all harms nobody', { skip }, async (t) => {
  const { path } = await startMaster(t, 'ours');
  const session = startProgram(await command('ours', ['-S', path], ['echo begun; read x; sleep 1; echo over']), {
    env,
  });
  await session.waitForLog(/begun/);
  const attacks = [
    'ff'.repeat(5000),
    `${greeting}ffffffff`,
    `${greeting}0000000810000004`,
    // Proxy mode, then a message for a channel of somebody else.
    `${greeting}000000081000000f00000000${packet('5e0000000000000001ff')}`,
    `${greeting}000000081000000f00000000${packet('5a00')}`,
    `${greeting}000000081000000f00000000${packet('0100000002')}`,
  ];
  for (const attack of attacks) {
    const socket = connect(path);
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    socket.write(Buffer.from(attack, 'hex'));
    if (attack.length < 60) socket.end();
    await closed;
  }
  const idle = Array.from({ length: 100 }, () => connect(path).on('error', () => {}));
  assert.equal((await run('ours', ['-S', path], ['echo still'])).text, 'still\n');
  for (const socket of idle) socket.destroy();
  await session.waitForLog(/over/);
});

test('ControlMaster ask: who says no is obeyed, who says yes as well', { skip }, async (t) => {
  const folder = makeFolder('ask');
  const [askpass, asked, answer] = [join(folder, 'askpass'), join(folder, 'asked'), join(folder, 'answer')];
  writeFileSync(askpass, `#!/bin/sh\necho "$1" >> ${asked}\ncat ${answer}\n`, { mode: 0o755 });
  const path = socketPath(t);
  const argv = await command('ours', ['-M', '-M', '-N', '-S', path]);
  const master = startProgram(argv, { env: { ...env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' } });
  t.after(() => master.stop());
  await until('the master listens', () => existsSync(path));
  writeFileSync(answer, 'no\n');
  const refused = await run('ours', ['-S', path], ['echo by itself']);
  assert.deepEqual(
    [refused.text, refused.stderr],
    ['by itself\n', 'Master refused session request: Permission denied\r\n'],
  );
  for (const who of ['ours', 'theirs'] as const) {
    for (const [name, words] of [
      ['exit', 'termination'],
      ['stop', 'stop listening'],
    ] as const) {
      const result = await run(who, ['-S', path, '-O', name]);
      assert.deepEqual(
        [result.status, result.stderr],
        [255, `Master refused ${words} request: Permission denied\r\n`],
        `${who} ${name}`,
      );
    }
    const forward = await run(who, ['-S', path, '-O', 'forward', '-L', '12345:a:1']);
    assert.match(forward.stderr, /^Master refused forwarding request: Permission denied\r\n/);
  }
  const proxy = await run('theirs', ['-S', path, '-O', 'proxy'], ['true']);
  assert.match(proxy.stderr, /Permission denied/);
  const session = await run('theirs', ['-S', path], ['echo by itself']);
  assert.deepEqual(
    [session.text, session.stderr],
    ['by itself\n', 'Master refused session request: Permission denied\r\n'],
  );
  const forward = await run('theirs', ['-S', path, '-W', 'web:80']);
  assert.match(forward.stderr, /^Master refused stdio forwarding request: Permission denied\r\n/);
  writeFileSync(answer, 'yes\n');
  assert.equal((await run('ours', ['-S', path], ['echo shared'])).text, 'shared\n');
  assert.equal((await run('theirs', ['-S', path], ['echo passed'])).text, 'passed\n');
  const questions = readFileSync(asked, 'utf8');
  for (const question of [
    'Allow shared connection to 127.0.0.1?',
    'Allow forward to web:80?',
    'Terminate shared connection to 127.0.0.1?',
  ]) {
    assert.ok(questions.includes(question), question);
  }
});

test('OpenSSH’s ssh at our master: in proxy mode, and by passing its descriptors', { skip }, async (t) => {
  const { path } = await startMaster(t, 'ours');
  const proxied = await run('theirs', ['-S', path, '-O', 'proxy'], ['cat; exit 8'], { input: 'by proxy' });
  assert.deepEqual([proxied.text, proxied.status], ['by proxy', 8], proxied.stderr);
  const passed = await run('theirs', ['-S', path], ['cat; exit 9'], { input: 'by descriptors' });
  assert.deepEqual([passed.text, passed.status, passed.stderr], ['by descriptors', 9, '']);
});

test('a server that gives no further session: ssh connects by itself, and OpenSSH’s master lives on', {
  skip,
}, async (t) => {
  const server = await startOpenSshServer({ config: ['MaxSessions 1'] });
  t.after(() => server.stop());
  for (const program of [undefined, nacreProgram('ssh')]) {
    const path = socketPath(t);
    const which = program === undefined ? {} : { program };
    const argv = sshCommand(server, ['echo own; exec sleep 60'], { ...which, flags: ['-M', '-S', path] });
    const master = startProgram(argv, { env });
    t.after(() => master.stop());
    await master.waitForLog(/own/);
    const second = await runSsh(server, ['echo by itself; exit 3'], {
      program: nacreProgram('ssh'),
      flags: ['-S', path],
    });
    assert.deepEqual([second.stdout.toString(), second.status], ['by itself\n', 3]);
    assert.equal(second.stderr, 'mux_client_request_session: session request failed: Session open refused by peer\r\n');
    // With -f as well, OpenSSH's ssh beside ours: it goes to the background only when it has its session.
    for (const client of [undefined, nacreProgram('ssh')]) {
      const log = join(makeFolder('late'), 'log');
      const left = await runSsh(server, ['sleep 0.2; echo late'], {
        ...(client !== undefined && { program: client }),
        flags: ['-f', '-S', path, '-E', log],
      });
      assert.deepEqual([left.stdout.toString(), left.stderr, left.status], ['late\n', '', 0]);
      assert.match(readFileSync(log, 'utf8'), /^mux_client_request_session: session request failed: /);
    }
    const check = await run('ours', ['-S', path, '-O', 'check']);
    assert.match(check.stderr, /^Master running/);
  }
});

function packet(payload: string): string {
  const length = (payload.length / 2 + 1).toString(16).padStart(8, '0');
  return `${length}00${payload}`;
}
