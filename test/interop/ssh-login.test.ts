/** bin/ssh logs in: keys, agents, passphrases, passwords, keyboard-interactive, SSH_ASKPASS, and the words of refusals. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  createSystemUser,
  currentUser,
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  type RunOptions,
  requireSuccess,
  runProgram,
  startAgent,
  startAsyncssh,
  startOpenSshServer,
  startTerminal,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd');
const program = nacreProgram('ssh');
const secret = 'open sesame';
let server: TestServer;
let locked: KeyPair;

before(async () => {
  if (skip) return;
  locked = await makeKey({ passphrase: secret });
  server = await startOpenSshServer({
    authorizedKeys: [locked.publicLine],
    config: ['PasswordAuthentication yes', 'KbdInteractiveAuthentication no'],
  });
});

/** A command line without BatchMode and without a key. */
function command(
  to: TestServer,
  flags: readonly string[],
  args: readonly string[] = ['echo in'],
  user = to.user,
): string[] {
  const options = [`UserKnownHostsFile=${to.knownHostsFile}`, 'GlobalKnownHostsFile=/dev/null', 'IdentitiesOnly=yes'];
  const given = options.flatMap((option) => ['-o', option]);
  return [program, '-F', '/dev/null', ...flags, ...given, '-p', String(to.port), '-l', user, to.host, ...args];
}

/** An askpass program that answers from a list, and notes what it was asked. */
function makeAskpass(...answers: readonly string[]): { env: RunOptions['env']; asked: () => string[] } {
  const folder = makeFolder('askpass');
  const [file, notes, list] = [join(folder, 'askpass'), join(folder, 'asked'), join(folder, 'answers')];
  writeFileSync(list, `${answers.join('\n')}\n`);
  writeFileSync(notes, '');
  const script = `#!/bin/sh\nprintf '%s\\n' "$1" >> ${notes}\nsed -n "$(wc -l < ${notes})p" ${list}\n`;
  writeFileSync(file, script, { mode: 0o755 });
  return {
    env: { SSH_ASKPASS: file, SSH_ASKPASS_REQUIRE: 'force', SSH_AUTH_SOCK: undefined },
    asked: () => readFileSync(notes, 'utf8').split('\n').slice(0, -1),
  };
}

const alone = { SSH_AUTH_SOCK: undefined, SSH_ASKPASS_REQUIRE: 'never' };

test('an unknown key is refused in OpenSSH’s words', { skip }, async () => {
  const stranger = await makeKey();
  const argv = command(server, ['-i', stranger.file, '-o', 'BatchMode=yes']);
  const result = await runProgram(argv, { env: alone });
  const words = `${server.user}@127.0.0.1: Permission denied (publickey,password).\r\n`;
  assert.deepEqual([result.status, result.stderr], [255, words]);
});

test('a passphrase is asked for once the server wants the key; a wrong one is asked for again', { skip }, async () => {
  const terminal = startTerminal(command(server, ['-i', locked.file]), { env: alone });
  await terminal.expect(/Enter passphrase for key '.*': /);
  terminal.send('wrong\r');
  await terminal.expect(/Enter passphrase for key '.*': /);
  terminal.send(`${secret}\r`);
  await terminal.expect(/\bin\b/);
  assert.equal((await terminal.ended()).status, 0);
  assert.ok(!terminal.output().includes(secret), 'the passphrase was shown');
});

test('SSH_ASKPASS is asked where it has to be', { skip }, async () => {
  const { env, asked } = makeAskpass('wrong', secret);
  const result = await runProgram(command(server, ['-i', locked.file]), { env });
  assert.deepEqual([result.status, result.stdout.toString()], [0, 'in\n'], result.stderr);
  assert.deepEqual(asked(), [
    `Enter passphrase for key '${locked.file}': `,
    `Enter passphrase for key '${locked.file}': `,
  ]);
});

test('BatchMode asks nothing', { skip }, async () => {
  const { env, asked } = makeAskpass(secret);
  const result = await runProgram(command(server, ['-i', locked.file, '-o', 'BatchMode=yes']), { env });
  assert.equal(result.status, 255);
  assert.deepEqual(asked(), []);
});

test('a key file that others can read is refused with a warning', { skip }, async () => {
  const file = join(makeFolder('exposed'), 'id');
  copyFileSync(server.identity.file, file);
  chmodSync(file, 0o644);
  const result = await runProgram(command(server, ['-i', file, '-o', 'BatchMode=yes']), { env: alone });
  assert.equal(result.status, 255);
  assert.match(result.stderr, /@ {9}WARNING: UNPROTECTED PRIVATE KEY FILE! {10}@/);
  assert.match(result.stderr, /Permissions 0644 for '.*' are too open\./);
  assert.match(result.stderr, /Load key ".*": bad permissions/);
});

test('an agent signs, its other keys are left alone under IdentitiesOnly', {
  skip: skip || missing('ssh-agent'),
}, async () => {
  const socket = await startAgent();
  const env = { SSH_AUTH_SOCK: socket };
  const other = await makeKey();
  await requireSuccess(['ssh-add', '-q', other.file], { env });
  await requireSuccess(['ssh-add', '-q', server.identity.file], { env });
  const withAgent = await runProgram(command(server, ['-v', '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=no']), {
    env,
  });
  assert.equal(withAgent.status, 0, withAgent.stderr);
  assert.match(
    withAgent.stderr,
    new RegExp(`Server accepts key: .* ${server.identity.fingerprint.replaceAll('+', '\\+')} agent`),
  );
  // Only the public half is here: the agent has the other one.
  const publicOnly = join(makeFolder('public'), 'id.pub');
  writeFileSync(publicOnly, `${server.identity.publicLine}\n`);
  const named = await runProgram(command(server, ['-v', '-o', 'BatchMode=yes', '-i', publicOnly]), { env });
  assert.equal(named.status, 0, named.stderr);
  assert.ok(!named.stderr.includes(other.fingerprint), 'a key was offered that was not named');
  const none = await runProgram(
    command(server, ['-o', 'BatchMode=yes', '-o', 'IdentityAgent=none', '-i', publicOnly]),
    { env },
  );
  assert.equal(none.status, 255);
});

test('a certificate beside the key is offered first', { skip: skip || missing('ssh-keygen') }, async () => {
  const authority = await makeKey();
  const key = await makeKey();
  await requireSuccess(['ssh-keygen', '-q', '-s', authority.file, '-I', 'ada', '-n', server.user, `${key.file}.pub`]);
  const config = [`TrustedUserCAKeys ${authority.file}.pub`];
  const trusting = await startOpenSshServer({ config, identity: false });
  const result = await runProgram(command(trusting, ['-v', '-o', 'BatchMode=yes', '-i', key.file]), { env: alone });
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stderr, /Offering public key: .* ED25519-CERT SHA256:/);
});

test('passwords: asked for, refused with a word, three times at most', { skip: skip || missing('root') }, async () => {
  const user = await createSystemUser();
  const flags = ['-o', 'PreferredAuthentications=password'];
  const terminal = startTerminal(command(server, flags, ['id -un'], user.name), { env: alone });
  await terminal.expect(new RegExp(`${user.name}@127\\.0\\.0\\.1's password: `));
  terminal.send('wrong\r');
  await terminal.expect(/Permission denied, please try again\./);
  await terminal.expect(/password: /);
  terminal.send(`${user.password}\r`);
  await terminal.expect(new RegExp(user.name));
  assert.equal((await terminal.ended()).status, 0);

  const { env, asked } = makeAskpass('a', 'b', 'c', 'd');
  const refused = await runProgram(command(server, flags, ['true'], user.name), { env });
  assert.equal(refused.status, 255);
  assert.equal(asked().length, 3);
  const denied = `${user.name}@127.0.0.1: Permission denied (publickey,password).\r\n`;
  assert.equal(refused.stderr, `${'Permission denied, please try again.\r\n'.repeat(2)}${denied}`);
  const once = await runProgram(command(server, [...flags, '-o', 'NumberOfPasswordPrompts=1'], ['true'], user.name), {
    env: makeAskpass('a', 'b').env,
  });
  assert.equal(once.stderr, denied);
  await user.remove();
});

test('keyboard-interactive', { skip: missing('nacre:ssh', 'python3:asyncssh') }, async () => {
  const asyncssh = await startAsyncssh({ passwords: { [currentUser()]: 'kiwi' } });
  const flags = ['-o', 'PreferredAuthentications=keyboard-interactive'];
  const { env, asked } = makeAskpass('kiwi');
  const result = await runProgram(command(asyncssh, flags), { env });
  assert.deepEqual([result.status, result.stdout.toString()], [0, 'in\n'], result.stderr);
  assert.match(asked()[0] ?? '', new RegExp(`^\\(${currentUser()}@127\\.0\\.0\\.1\\) Password:`));
  const off = await runProgram(command(asyncssh, [...flags, '-o', 'KbdInteractiveAuthentication=no']), { env });
  assert.equal(off.status, 255);
});

test('the banner goes to stderr, and -q keeps it away', { skip }, async () => {
  const file = join(makeFolder('banner'), 'banner');
  writeFileSync(file, 'Authorised \x1b[31muse\n');
  const withBanner = await startOpenSshServer({ config: [`Banner ${file}`] });
  const flags = ['-i', withBanner.identity.file, '-o', 'BatchMode=yes'];
  const result = await runProgram(command(withBanner, flags), { env: alone });
  assert.equal(result.status, 0);
  assert.match(result.stderr, /^Authorised (?!\x1b).*use\n$/);
  assert.equal((await runProgram(command(withBanner, [...flags, '-q']), { env: alone })).stderr, '');
});
