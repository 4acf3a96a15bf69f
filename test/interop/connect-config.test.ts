/** The library's connect() by ssh_config files against OpenSSH's sshd: what ssh does by a file, a program does by the same one. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  type ClientConnection,
  type ConfiguredConnectOptions,
  connect,
  formatPublicKey,
  generateKey,
  SshError,
} from '@nacre/ssh';
import {
  findProgram,
  hostLines,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd', 'ssh', 'ssh-keygen');
const folder = makeFolder('connect-config');
const file = join(folder, 'config');
let servers: TestServer[] = [];

before(async () => {
  if (skip) return;
  servers = await Promise.all([1, 2, 3, 4].map(() => startOpenSshServer({ hostKeyTypes: ['ed25519'] })));
});

/** Four hosts, each with its port and its own known_hosts, after lines of a test's own; any other logs in as they do. */
function write(...lines: readonly string[]): void {
  const hosts = servers.map((server, index) => hostLines(`hop${index + 1}`, server));
  const [{ user, identity }] = servers as [TestServer];
  const common = ['Host *', `  User ${user}`, `  IdentityFile ${identity.file}`, '  GlobalKnownHostsFile /dev/null'];
  writeFileSync(file, `${[...lines, ...hosts.flat(), ...common, '  IdentityAgent none'].join('\n')}\n`);
}

async function go(target: string, options: Partial<ConfiguredConnectOptions> = {}): Promise<ClientConnection> {
  return await connect(target, { config: { files: [file] }, ...options });
}

function failure(code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof SshError && error.code === code && pattern.test(error.message);
}

const logins = (): number[] => servers.map((server) => server.log().match(/Accepted publickey/g)?.length ?? 0);

test('an alias: the command line and the library come to the same', { skip }, async () => {
  write('Host web', '  User nobody-at-all', 'Host hop1', '  ServerAliveInterval 15');
  const command = 'id -un; echo $SSH_CONNECTION | cut -d" " -f4; sleep 0';
  await using connection = await go('hop1');
  const { stdout, status } = await connection.exec(command);
  const tool = await runProgram([nacreProgram('ssh'), '-F', file, 'hop1', command], {});
  const theirs = await runProgram([openSshProgram('ssh'), '-F', file, 'hop1', command], {});
  assert.deepEqual([stdout, status], [tool.stdout.toString(), tool.status], tool.stderr);
  assert.equal(stdout, theirs.stdout.toString(), theirs.stderr);
});

test('over three jump hosts by the file, each with its own key and settings', { skip }, async () => {
  write('Host hop4', '  ProxyJump hop1,hop2', 'Host hop1', '  ProxyJump hop3');
  const counted = logins();
  const connection = await go('hop4');
  assert.equal((await connection.exec('echo there')).stdout, 'there\n');
  assert.deepEqual(
    logins().map((count, index) => count - (counted[index] as number)),
    [1, 1, 1, 1],
  );
  await connection.close();
  for (const server of servers.slice(0, 3)) await server.waitForLog(/Disconnected from user|Connection closed by/);
});

test('a jump host with another key than the file knows is not gone through', { skip }, async () => {
  const [first] = servers as [TestServer];
  const wrong = join(folder, 'wrong');
  const { publicKey } = await generateKey('ssh-ed25519');
  writeFileSync(wrong, `[127.0.0.1]:${first.port} ${formatPublicKey(publicKey)}\n`);
  write('Host hop4', '  ProxyJump hop1', 'Host hop1', `  UserKnownHostsFile ${wrong}`);
  const counted = logins();
  await assert.rejects(go('hop4'), failure('host-key-changed', /127\.0\.0\.1/));
  // A policy of the caller's is for the host that he named, and not for those on the way.
  const anything = { hostKeys: { verify: async () => {} } };
  await assert.rejects(go('hop4', anything), failure('host-key-changed', /127\.0\.0\.1/));
  assert.deepEqual(logins(), counted);
});

test('through a program: OpenSSH itself, with tokens', { skip }, async () => {
  write('Host hop2', `  ProxyCommand ${openSshProgram('ssh')} -F ${file} -W %h:%p hop1`);
  await using connection = await go('hop2');
  assert.match((await connection.exec('echo $SSH_CONNECTION')).stdout, /^127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+\n$/);
  write('Host hop2', '  ProxyCommand false');
  await assert.rejects(go('hop2'), failure('connection-lost', /./));
});

test('a jump host nobody listens at, and one that is a name of nobody', { skip }, async () => {
  write('Host hop2', '  ProxyJump 127.0.0.1:1');
  await assert.rejects(go('hop2'), failure('connect-failed', /port 1: Connection refused/));
  write('Host hop2', '  ProxyJump no-such-host.invalid');
  await assert.rejects(go('hop2'), failure('dns-failed', /no-such-host\.invalid/));
});

test('a user certificate, named in the file and found beside the key', { skip }, async () => {
  const keygen = findProgram('ssh-keygen') ?? 'ssh-keygen';
  const [authority, key] = [join(folder, 'authority'), join(folder, 'certified')];
  for (const path of [authority, key]) await requireSuccess([keygen, '-q', '-t', 'ed25519', '-N', '', '-f', path]);
  const [{ user }] = servers as [TestServer];
  await requireSuccess([keygen, '-q', '-s', authority, '-I', 'test', '-n', user, `${key}.pub`]);
  const server = await startOpenSshServer({
    hostKeyTypes: ['ed25519'],
    identity: false,
    config: [`TrustedUserCAKeys ${authority}.pub`],
  });
  const own = ['Host certified', '  HostName 127.0.0.1', `  Port ${server.port}`];
  const trust = `  UserKnownHostsFile ${server.knownHostsFile}`;
  write(...own, trust, '  IdentitiesOnly yes', `  IdentityFile ${key}`);
  await using connection = await go('certified');
  assert.deepEqual(connection.login.methods, ['publickey']);
  await server.waitForLog(/Accepted certificate ID "test"/);
});

test('Match exec, canonical names and Include decide as they do for the command line', { skip }, async () => {
  const more = join(folder, 'more');
  const [first] = servers as [TestServer];
  writeFileSync(more, `Match originalhost db exec "test %n = db"\n  Port ${first.port}\n`);
  write(`Include ${folder}/mor?`, 'Host db', '  HostName 127.0.0.1', `  UserKnownHostsFile ${first.knownHostsFile}`);
  await using connection = await go('db');
  assert.equal(connection.target.port, first.port);
});
