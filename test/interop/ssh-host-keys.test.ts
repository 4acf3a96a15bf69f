/** bin/ssh and the keys of hosts: the question, known, changed and revoked keys, and StrictHostKeyChecking in all its values. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  requireSuccess,
  runProgram,
  startOpenSshServer,
  startTerminal,
  type Terminal,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd');
let server: TestServer;
const env = { SSH_AUTH_SOCK: undefined, SSH_ASKPASS_REQUIRE: 'never' };

before(async () => {
  if (!skip) server = await startOpenSshServer({ hostKeyTypes: ['ed25519'] });
});

function makeFile(text?: string): string {
  const file = join(makeFolder('known'), 'known_hosts');
  if (text !== undefined) writeFileSync(file, text);
  return file;
}

const hostLine = () => server.hostKeys[0]?.publicLine.split(' ').slice(0, 2).join(' ') ?? '';
const fingerprint = () => server.hostKeys[0]?.fingerprint ?? '';
const name = () => `[127.0.0.1]:${server.port}`;

function command(file: string, options: readonly string[] = [], args: readonly string[] = ['echo in']): string[] {
  const all = [...options, `UserKnownHostsFile=${file}`, 'GlobalKnownHostsFile=/dev/null', 'PasswordAuthentication=no'];
  const given = all.flatMap((option) => ['-o', option]);
  const target = ['-i', server.identity.file, '-p', String(server.port), '127.0.0.1'];
  return [nacreProgram('ssh'), '-F', '/dev/null', ...given, ...target, ...args];
}

const run = (file: string, options: readonly string[] = []) => runProgram(command(file, options), { env });

async function ask(file: string, options: readonly string[] = []): Promise<Terminal> {
  const terminal = startTerminal(command(file, options), { env });
  await terminal.expect(
    /The authenticity of host '\[127\.0\.0\.1\]:\d+ \(\[127\.0\.0\.1\]:\d+\)' can't be established\./,
  );
  await terminal.expect(/ED25519 key fingerprint is SHA256:\S+\.\s+This key is not known by any other names\./);
  await terminal.expect(/Are you sure you want to continue connecting \(yes\/no\/\[fingerprint\]\)\? /);
  return terminal;
}

test('yes: asked once, added, known from then on', { skip }, async () => {
  const file = makeFile();
  const terminal = await ask(file);
  terminal.send('perhaps\r');
  await terminal.expect(/Please type 'yes', 'no' or the fingerprint: /);
  terminal.send('yes\r');
  await terminal.expect(/Warning: Permanently added '\[127\.0\.0\.1\]:\d+' \(ED25519\) to the list of known hosts\./);
  await terminal.expect(/\bin\b/);
  assert.equal((await terminal.ended()).status, 0);
  assert.equal(readFileSync(file, 'utf8'), `${name()} ${hostLine()}\n`);
  const again = await run(file);
  assert.deepEqual([again.status, again.stderr], [0, '']);
});

test('no: refused with 255, nothing is written', { skip }, async () => {
  const file = makeFile();
  const terminal = await ask(file);
  terminal.send('no\r');
  await terminal.expect(/Host key verification failed\./);
  assert.equal((await terminal.ended()).status, 255);
  assert.equal(existsSync(file), false);
});

test('the fingerprint is an answer; another one is not', { skip }, async () => {
  const terminal = await ask(makeFile());
  terminal.send(`${fingerprint().slice(0, -1)}x\r`);
  await terminal.expect(/Please type 'yes', 'no' or the fingerprint: /);
  terminal.send(`${fingerprint()}\r`);
  await terminal.expect(/\bin\b/);
  assert.equal((await terminal.ended()).status, 0);
});

test('where nobody can be asked the answer is no', { skip }, async () => {
  for (const options of [['BatchMode=yes'], []]) {
    const result = await runProgram(['setsid', '-w', ...command(makeFile(), options)], { env });
    assert.deepEqual([result.status, result.stderr], [255, 'Host key verification failed.\r\n']);
  }
});

test('StrictHostKeyChecking=yes wants it known', { skip }, async () => {
  const result = await run(makeFile(), ['StrictHostKeyChecking=yes']);
  assert.equal(result.status, 255);
  const reason = `No ED25519 host key is known for ${name()} and you have requested strict checking.\r\n`;
  assert.equal(result.stderr, `${reason}Host key verification failed.\r\n`);
});

test('accept-new, no and off remember an unknown key; HashKnownHosts hides its name', { skip }, async () => {
  for (const value of ['accept-new', 'no', 'off']) {
    const file = makeFile();
    const result = await run(file, [`StrictHostKeyChecking=${value}`, 'HashKnownHosts=yes']);
    assert.equal(result.status, 0, result.stderr);
    assert.match(readFileSync(file, 'utf8'), /^\|1\|/);
    assert.equal((await run(file, ['StrictHostKeyChecking=yes'])).status, 0);
    const found = await requireSuccess(['ssh-keygen', '-F', name(), '-f', file]);
    assert.ok(found.includes(hostLine()));
  }
});

test('a changed key is refused loudly, whatever is configured but no', { skip }, async () => {
  const other = await makeKey();
  const file = makeFile(`# first\n${name()} ${other.publicLine}\n`);
  for (const value of ['yes', 'ask', 'accept-new']) {
    const result = await run(file, [`StrictHostKeyChecking=${value}`]);
    assert.equal(result.status, 255);
    assert.match(result.stderr, /@ {4}WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! {5}@/);
    assert.ok(result.stderr.includes(`${fingerprint()}.`));
    assert.ok(result.stderr.includes(`Offending ED25519 key in ${file}:2\r\n`), result.stderr);
    assert.ok(result.stderr.endsWith('Host key verification failed.\r\n'));
  }
  const result = await run(file, ['StrictHostKeyChecking=no']);
  assert.equal(result.stdout.toString(), 'in\n');
  // The password is off by the settings already, and not worth a word.
  assert.match(result.stderr, /\nKeyboard-interactive authentication is disabled to avoid man-in-the-middle attacks\./);
});

test('a key of another type is a changed key too', { skip }, async () => {
  const other = await makeKey({ type: 'ecdsa-256' });
  const result = await run(makeFile(`${name()} ${other.publicLine}\n`));
  assert.equal(result.status, 255);
  assert.match(result.stderr, /REMOTE HOST IDENTIFICATION HAS CHANGED/);
});

test('a revoked key is refused', { skip }, async () => {
  const file = makeFile(`${name()} ${hostLine()}\n@revoked * ${hostLine()}\n`);
  const result = await run(file);
  assert.equal(result.status, 255);
  assert.match(result.stderr, /WARNING: REVOKED HOST KEY DETECTED!/);
  assert.match(
    result.stderr,
    /was revoked and you have requested strict checking\.\r\nHost key verification failed\.\r\n$/,
  );
});

test('HostKeyAlias is looked up and remembered in place of the name', { skip }, async () => {
  const file = makeFile();
  const options = ['HostKeyAlias=the-alias', 'StrictHostKeyChecking=accept-new'];
  const result = await run(file, options);
  assert.match(result.stderr, /Permanently added 'the-alias' \(ED25519\)/);
  assert.equal(readFileSync(file, 'utf8'), `the-alias ${hostLine()}\n`);
  assert.equal((await run(file, ['HostKeyAlias=the-alias', 'StrictHostKeyChecking=yes'])).status, 0);
});

test('a host certificate is trusted through its authority', { skip: skip || missing('ssh-keygen') }, async () => {
  const authority = await makeKey();
  const hostKey = await makeKey();
  const certify = (principal: string) =>
    requireSuccess([
      'ssh-keygen',
      '-q',
      '-h',
      '-s',
      authority.file,
      '-I',
      'host',
      '-n',
      principal,
      `${hostKey.file}.pub`,
    ]);
  await certify('127.0.0.1');
  const config = [`HostKey ${hostKey.file}`, `HostCertificate ${hostKey.file}-cert.pub`];
  const certified = await startOpenSshServer({ config, hostKeyTypes: ['ed25519'] });
  const file = makeFile(`@cert-authority * ${authority.publicLine}\n`);
  const argv = command(file, ['StrictHostKeyChecking=yes', `Port=${certified.port}`]);
  const argvAtPort = argv.map((word, i) => (argv[i - 1] === '-p' ? String(certified.port) : word));
  const result = await runProgram(argvAtPort, { env });
  assert.equal(result.status, 0, result.stderr);
});

test('other names of the same key are shown, VisualHostKey draws it', { skip }, async () => {
  const file = makeFile(`other.example ${hostLine()}\n`);
  const terminal = startTerminal(command(file, ['VisualHostKey=yes']), { env });
  await terminal.expect(/\+--\[ED25519 256\]--\+/);
  await terminal.expect(/This host key is known by the following other names\/addresses:\s+\S+:1: other\.example/);
  terminal.send('no\r');
  assert.equal((await terminal.ended()).status, 255);
});
