/** The harness itself, with programs that are known to be right: what fails here is no fault of nacre. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createSystemUser,
  dbclientCommand,
  keyTypes,
  makeFolder,
  makeKey,
  missing,
  openSshProgram,
  puttyCommand,
  runProgram,
  runSsh,
  sshCommand,
  startAsyncssh,
  startDropbear,
  startOpenSshServer,
  startProgram,
  startSsh2Server,
  startTerminal,
} from '../harness/index.ts';

test('runProgram: input, both outputs, status, signal, time-out', async () => {
  const result = await runProgram(['sh', '-c', 'cat; echo oops >&2; exit 7'], { input: 'hello' });
  assert.deepEqual([result.status, result.stdout.toString(), result.stderr], [7, 'hello', 'oops\n']);
  assert.equal((await runProgram(['sh', '-c', 'kill -TERM $$'])).signal, 'SIGTERM');
  await assert.rejects(runProgram(['sleep', '30'], { timeoutMs: 200 }), /still running after 200 ms/);
  await assert.rejects(runProgram(['/does/not/exist']), /ENOENT/);
});

test('a program that ends before it is ready is reported with what it said', async () => {
  const program = startProgram(['sh', '-c', 'echo cannot bind >&2; exit 3']);
  await assert.rejects(program.waitForLog(/ready/), /status 3.*cannot bind/s);
});

test("Debian's ssh runs commands on Debian's sshd", { skip: missing('ssh', 'sshd') }, async (t) => {
  const server = await startOpenSshServer({ hostKeyTypes: keyTypes });
  await t.test('output, error output and status', async () => {
    const result = await runSsh(server, ['echo out; echo err >&2; exit 42']);
    assert.deepEqual([result.status, result.stdout.toString(), result.stderr], [42, 'out\n', 'err\n']);
  });
  await t.test('a megabyte through standard input and back', async () => {
    const input = randomBytes(1 << 20);
    const result = await runSsh(server, ['cat'], { input });
    const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    assert.equal(sha256(result.stdout), sha256(input), result.stderr);
  });
  await t.test('every type of host key is served', async () => {
    for (const type of ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp521', 'rsa-sha2-512']) {
      const result = await runSsh(server, ['true'], { options: [`HostKeyAlgorithms=${type}`] });
      assert.equal(result.status, 0, `${type}: ${result.stderr}`);
    }
  });
  await t.test('a stranger is not let in', async () => {
    const stranger = { ...server, identity: await makeKey() };
    const result = await runSsh(stranger, ['true']);
    assert.equal(result.status, 255);
    assert.match(result.stderr, /Permission denied/);
  });
  await t.test('the log tells of logins', () => assert.match(server.log(), /Accepted publickey for/));
  await server.stop();
  assert.equal((await runSsh(server, ['true'])).status, 255, 'the server is still there after stop()');
});

test('OpenSSH 10 agrees on mlkem768x25519-sha256', { skip: missing('openssh-10') }, async () => {
  const server = await startOpenSshServer({ version: '10.0' });
  const result = await runSsh(server, ['echo $SSH_CONNECTION'], { version: '10.0', flags: ['-v'] });
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stderr, /kex: algorithm: mlkem768x25519-sha256/);
  assert.match(result.stderr, /remote software version OpenSSH_10/);
  assert.match(result.stdout.toString(), new RegExp(` 127.0.0.1 ${server.port}\n$`));
  const old = await runSsh(server, ['true'], { flags: ['-v'] });
  assert.match(old.stderr, /kex: algorithm: sntrup761x25519-sha512/, "Debian's own 9.2 logs in to it as well");
});

test('lines of the configuration win, Match blocks too', { skip: missing('ssh', 'sshd') }, async () => {
  const server = await startOpenSshServer({
    config: ['SetEnv NACRE_A=one', 'Match User nobody', '  ForceCommand false'],
  });
  assert.equal((await runSsh(server, ['echo $NACRE_A'])).stdout.toString(), 'one\n');
});

test("sftp against Debian's sshd", { skip: missing('sftp', 'sshd') }, async () => {
  const server = await startOpenSshServer();
  const folder = makeFolder();
  const [ssh = '', ...options] = sshCommand(server, []);
  const argv = [openSshProgram('sftp'), '-S', ssh, ...options.slice(0, -1), '-b', '-', server.host];
  const result = await runProgram(argv, { input: `put ${server.knownHostsFile} ${join(folder, 'copy')}\n` });
  assert.equal(result.status, 0, result.stderr);
  assert.equal(readFileSync(join(folder, 'copy'), 'utf8'), readFileSync(server.knownHostsFile, 'utf8'));
});

test("plink runs a command on Debian's sshd", { skip: missing('plink', 'puttygen', 'sshd') }, async () => {
  const server = await startOpenSshServer();
  const result = await runProgram(await puttyCommand(server, [server.host, 'echo plink; exit 5']));
  assert.deepEqual([result.status, result.stdout.toString()], [5, 'plink\n'], result.stderr);
});

test("dbclient runs a command on Debian's sshd", { skip: missing('dbclient', 'dropbearconvert', 'sshd') }, async () => {
  const server = await startOpenSshServer();
  const { argv, env } = await dbclientCommand(server, ['echo dbclient; exit 6'], { folder: makeFolder() });
  const result = await runProgram(argv, env === undefined ? {} : { env });
  assert.deepEqual([result.status, result.stdout.toString()], [6, 'dbclient\n'], result.stderr);
});

test('ssh runs a command on dropbear, by key and as a user made for it', {
  skip: missing('dropbear', 'root'),
}, async () => {
  const server = await startDropbear();
  const result = await runSsh(server, ['id -un; exit 8']);
  assert.deepEqual([result.status, result.stdout.toString()], [8, `${server.user}\n`], result.stderr);
  await server.stop();
});

test('ssh runs a command on AsyncSSH', { skip: missing('ssh', 'python3:asyncssh') }, async () => {
  const server = await startAsyncssh();
  const result = await runSsh(server, ['cat; exit 9'], { input: 'asyncssh' });
  assert.deepEqual([result.status, result.stdout.toString()], [9, 'asyncssh'], result.stderr);
});

test('ssh runs a command on ssh2', { skip: missing('ssh') }, async () => {
  const server = await startSsh2Server();
  const result = await runSsh(server, ['cat; echo err >&2; exit 10'], { input: 'ssh2' });
  assert.deepEqual([result.status, result.stdout.toString(), result.stderr], [10, 'ssh2', 'err\n']);
});

test('a terminal: size, resize, keys, colours, end', { skip: missing('ssh', 'sshd', 'python3') }, async (t) => {
  const server = await startOpenSshServer();
  await t.test('of a program here', async () => {
    const terminal = startTerminal([
      'sh',
      '-c',
      'stty size; printf "\\033[31mred\\033[0m!\\n"; read x; echo "got $x"; exit 4',
    ]);
    await terminal.expect(/24 80/);
    await terminal.expect(/red!/);
    terminal.send('word\r');
    await terminal.expect(/got word/);
    assert.deepEqual(await terminal.ended(), { status: 4, signal: null });
    await assert.rejects(terminal.expect(/never/), /before the program ended/);
  });
  await t.test('of a shell at the other end', async () => {
    const argv = sshCommand(server, [], { flags: ['-tt'], options: ['SetEnv PS1=prompt'] });
    const terminal = startTerminal([...argv, 'exec sh'], { columns: 100, rows: 30 });
    terminal.send('stty size\r');
    await terminal.expect(/30 100/);
    terminal.resize(120, 40);
    terminal.send('sleep 0.2; stty size\r');
    await terminal.expect(/40 120/);
    terminal.send('exit 3\r');
    assert.deepEqual(await terminal.ended(), { status: 3, signal: null });
  });
  await t.test('closing it ends the program', async () => {
    const terminal = startTerminal(['sh', '-c', 'echo ready; sleep 1000']);
    await terminal.expect(/ready/);
    await terminal.close();
    assert.equal((await terminal.ended()).status, null);
  });
});

test('a user made for a test is gone after it', { skip: missing('root', 'useradd') }, async () => {
  const user = await createSystemUser();
  const whoami = await runProgram(['su', user.name, '-c', 'id -un; echo ~']);
  assert.equal(whoami.stdout.toString(), `${user.name}\n${user.home}\n`);
  await user.remove();
  assert.equal((await runProgram(['id', user.name])).status, 1);
  assert.equal(existsSync(`/var/mail/${user.name}`), false);
});
