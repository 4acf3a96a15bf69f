/** What a server does for one user only, and for whoever comes after it was told otherwise. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { test } from 'node:test';
import { connect, pinnedHostKeys } from '../client/index.ts';
import { inMemory, isError } from '../client/live.test.kit.ts';
import { SshError } from '../errors.ts';
import { generateKey } from '../keys/index.ts';
import { createServer, type ServerOptions } from './index.ts';

test('the number of sessions is the user’s; what is not said stays', async (t) => {
  const asked: string[] = [];
  const { client } = await inMemory(t, {
    exec: async (command, { stdout }) => void stdout.end(command),
    maxSessions: 5,
    forUser: (user, peer) => {
      asked.push(`${user} ${peer.identification !== ''}`);
      return { maxSessions: 0 };
    },
  });
  await assert.rejects(client.exec('x'), isError('channel-open-refused'));
  assert.equal(asked.length, 1);
  assert.match(asked[0] as string, / true$/);
});

test('keys are renewed as the user’s limits say', async (t) => {
  const logs: string[] = [];
  const { client } = await inMemory(t, {
    exec: async (_command, { stdout }) => void stdout.end(Buffer.alloc(400_000)),
    forUser: () => ({ rekey: { bytes: 100_000 } }),
    log: (_level, text) => logs.push(text),
  });
  for (let run = 0; run < 3; run++) assert.equal((await client.exec('x')).stdout.length, 400_000);
  const exchanges = logs.filter((text) => text.startsWith('kex: algorithm')).length;
  assert.ok(exchanges > 2, `${exchanges} exchanges`);
});

test('a user who is refused as such is not asked for anything', async (t) => {
  let tries = 0;
  const refuse = () => {
    throw new SshError('not you', { code: 'closed', stage: 'auth', disconnect: 1 });
  };
  await assert.rejects(
    inMemory(t, {
      authenticate: {
        publicKey: async () => {
          tries++;
          return true;
        },
      },
      forUser: refuse,
    }),
    isError('disconnected'),
  );
  assert.equal(tries, 0);
});

test('other options hold for new connections; open ones and the port stay', async () => {
  const [userKey, hostKey, secondKey] = await Promise.all(['', '', ''].map(() => generateKey('ssh-ed25519')));
  assert.ok(userKey && hostKey && secondKey);
  const options = (key: typeof hostKey, text: string): ServerOptions => ({
    hostKeys: [key],
    authenticate: { publicKey: async () => true },
    exec: async (_command, { stdout }) => void stdout.end(text),
  });
  await using server = createServer(options(hostKey, 'first'));
  const bound = await server.listen(0);
  const logIn = (key: typeof hostKey) =>
    connect(`ada@127.0.0.1:${bound.port}`, { hostKeys: pinnedHostKeys(key.publicKey), identities: [userKey] });
  const before = await logIn(hostKey);
  server.reconfigure(options(secondKey, 'second'));
  await using after = await logIn(secondKey);
  assert.equal((await after.exec('x')).stdout.toString(), 'second');
  assert.equal((await before.exec('x')).stdout.toString(), 'first');
  assert.throws(() => server.reconfigure({ hostKeys: [], authenticate: {} }), isError('misuse'));
  assert.equal((await (await logIn(secondKey)).exec('x')).stdout.toString(), 'second');

  const other = await server.listen(0);
  bound.stop();
  const [error] = (await once(connectSocket(bound.port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
  const still = connectSocket(other.port, '127.0.0.1');
  await once(still, 'data');
  still.destroy();
  await before.close();
});
