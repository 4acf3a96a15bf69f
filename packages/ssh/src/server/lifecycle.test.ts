/** Tests of the listening server with real sockets: refusals at the door, names of hosts, and one peer object a connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { test } from 'node:test';
import { connect, pinnedHostKeys } from '../client/index.ts';
import { generateKey } from '../keys/index.ts';
import { fullPermissions } from '../trust/index.ts';
import { createServer, type Peer } from './index.ts';

const userKey = await generateKey('ssh-ed25519');
const hostKey = await generateKey('ssh-ed25519');

test('beyond maxStartups a client is told and turned away', async () => {
  const refused: Peer[] = [];
  await using server = createServer({
    hostKeys: [hostKey],
    authenticate: { none: () => Promise.resolve(true) },
    maxStartups: { start: 1, ratePercent: 100, full: 1 },
    onRefused: (peer) => refused.push(peer),
  });
  const { port } = await server.listen(0);
  const first = connectSocket(port, '127.0.0.1');
  await once(first, 'data');
  const second = connectSocket(port, '127.0.0.1');
  const [text] = (await once(second, 'data')) as [Buffer];
  assert.equal(text.toString(), 'Not allowed at this time\r\n');
  await once(second, 'close');
  assert.deepEqual([refused.length, refused[0]?.address], [1, '127.0.0.1']);
  first.destroy();
});

for (const [list, isLetIn] of [
  ['good.example', true],
  ['*.elsewhere.example', false],
] as const) {
  test(`from="${list}" and the name that was looked up`, async () => {
    const peers = new Set<Peer>();
    await using server = createServer({
      hostKeys: [hostKey],
      authenticate: {
        publicKey: (_request, peer) => {
          peers.add(peer);
          return Promise.resolve({ ...fullPermissions, from: [list] });
        },
      },
      lookUpHostName: () => Promise.resolve('good.example'),
      exec: async (command, { stdout }) => void stdout.end(command),
      onConnection: (peer) => peers.add(peer),
      onAttempt: (_attempt, peer) => peers.add(peer),
      onDisconnect: (_error, peer) => peers.add(peer),
    });
    const { port } = await server.listen(0);
    const login = connect(`ada@127.0.0.1:${port}`, {
      hostKeys: pinnedHostKeys(hostKey.publicKey),
      identities: [userKey],
    });
    if (isLetIn) {
      const client = await login;
      assert.equal((await client.exec('hi')).stdout.toString(), 'hi');
      await client.close();
    } else await assert.rejects(login, { code: 'auth-failed' });
    await server.close();
    assert.deepEqual([peers.size, [...peers][0]?.hostName], [1, 'good.example']);
  });
}

test('IPv6 alone leaves IPv4 to another socket', async (t) => {
  await using server = createServer({ hostKeys: [hostKey], authenticate: { none: () => Promise.resolve(true) } });
  try {
    const { port } = await server.listen(0, '::', { ipv6Only: true });
    assert.equal((await server.listen(port, '0.0.0.0')).port, port);
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
    t.skip('this machine has no IPv6');
  }
});
