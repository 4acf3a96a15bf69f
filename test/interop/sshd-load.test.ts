/** Many at once against bin/sshd: nobody fails. `npm run bench -- sshd-load` has more of them, and figures. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ClientConnection, connect, pinnedHostKeys } from '@nacre/ssh/client';
import {
  createSystemUser,
  makeFolder,
  type SystemUser,
  startNacreServer,
  type TestServer,
  userKey,
} from '../harness/index.ts';
import { asRoot, withSsh } from './_sshd.ts';

/** A server that takes whoever comes with the one key. */
async function startServer(): Promise<TestServer> {
  const folder = makeFolder('load');
  chmodSync(folder, 0o755);
  const keys = join(folder, 'authorized_keys');
  writeFileSync(keys, `${(await userKey()).publicLine}\n`, { mode: 0o644 });
  return startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['MaxStartups 1000', 'LoginGraceTime 0', 'LogLevel INFO', `AuthorizedKeysFile ${keys}`],
  });
}

function logIn(server: TestServer, user: string = server.user): Promise<ClientConnection> {
  return connect(
    { host: server.host, port: server.port, user },
    {
      hostKeys: pinnedHostKeys(...server.hostKeys.map(({ fingerprint }) => fingerprint)),
      identities: [server.identity.file],
      agent: false,
      algorithms: { kex: ['curve25519-sha256'] },
      timeoutMs: 60_000,
    },
  );
}

async function ask(server: TestServer, user: string): Promise<string> {
  await using connection = await logIn(server, user);
  return (await connection.exec('id -un')).stdout;
}

test('a hundred logins of one user at once', withSsh, async () => {
  const server = await startServer();
  const said = await Promise.all(Array.from({ length: 100 }, () => ask(server, server.user)));
  assert.deepEqual(said, Array(100).fill(`${server.user}\n`));
  await server.stop();
});

test('ten users at once, each as who they are', asRoot, async () => {
  const server = await startServer();
  const users: SystemUser[] = [];
  for (let i = 0; i < 10; i++) users.push(await createSystemUser());
  const said = await Promise.all(users.flatMap(({ name }) => [ask(server, name), ask(server, name)]));
  assert.deepEqual(
    said,
    users.flatMap(({ name }) => [`${name}\n`, `${name}\n`]),
  );
  await server.stop();
});

test('two hundred that do nothing: they stay, others come in, and afterwards each is served', withSsh, async () => {
  const server = await startServer();
  const idle = await Promise.all(Array.from({ length: 200 }, () => logIn(server)));
  let lost = 0;
  for (const connection of idle) void connection.closed.then((error) => error !== undefined && lost++);
  assert.equal(await ask(server, server.user), `${server.user}\n`);
  const chosen = idle.filter((_, i) => i % 10 === 0);
  const said = await Promise.all(chosen.map((connection) => connection.exec('echo here')));
  assert.ok(said.every(({ stdout }) => stdout === 'here\n'));
  assert.equal(lost, 0);
  await Promise.all(idle.map((connection) => connection.close()));
  assert.equal(lost, 0);
  await server.stop();
});
