/** What channels and connections tell of themselves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, pinnedHostKeys } from '../client/index.ts';
import { formatEndpoint, openSession } from '../connection/index.ts';
import { generateKey } from '../keys/index.ts';
import { connectTcp, createServer } from './index.ts';

const hostKey = await generateKey('ssh-ed25519');
const userKey = await generateKey('ssh-ed25519');

test('sessions and tunnels tell what they are for and what they carried, on both sides', async () => {
  let letGo: () => void = () => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await using server = createServer({
    hostKeys: [hostKey],
    authenticate: { publicKey: async () => true },
    exec: async (_command, { stdin, stdout }) => {
      stdout.write('12345678');
      for await (const _chunk of stdin);
      await gone;
    },
    forwardTcp: (request) => connectTcp(request),
  });
  const { port } = await server.listen(0);
  const client = await connect(`ada@127.0.0.1:${port}`, {
    hostKeys: pinnedHostKeys(hostKey.publicKey),
    identities: [userKey],
  });
  const session = await openSession(client.connection);
  await session.exec('sort big');
  session.stdin.end('abc');
  const [first] = (await session.stdout.iterator({ destroyOnReturn: false }).next()).value as Buffer;
  assert.equal(first, '1'.charCodeAt(0));
  const tunnel = await client.forwardTcp('127.0.0.1', port);
  await new Promise((resolve) => tunnel.once('data', resolve));
  const served = server.connections.find(({ peer }) => peer.identification !== '');
  const facts = await served?.facts();
  assert.equal(facts?.login?.user, 'ada');
  assert.deepEqual(facts?.login?.methods, ['publickey']);
  assert.match(facts?.login?.keys[0]?.fingerprint ?? '', /^SHA256:/);
  assert.ok(facts !== undefined && facts.bytesReceived > 1000 && facts.bytesSent > 500 && facts.rekeys === 0);
  const [ofSession, ofTunnel] = facts.channels;
  assert.deepEqual(ofSession?.subject, { kind: 'session', start: 'exec', command: 'sort big' });
  assert.deepEqual([ofSession?.bytesReceived, ofSession?.bytesSent], [3, 8]);
  assert.equal(ofTunnel?.subject?.kind === 'tunnel' && ofTunnel.subject.destination, `127.0.0.1:${port}`);
  assert.ok((ofTunnel?.bytesSent ?? 0) > 10);
  assert.deepEqual(structuredClone(facts), facts, 'plain data');
  const own = client.connection.channelFacts()[0];
  assert.deepEqual([own?.bytesReceived, own?.bytesSent], [8, 3]);
  await client.rekey();
  // Its end may come here a moment later than there.
  while ((await served?.facts())?.rekeys === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await served?.facts())?.rekeys, 1);
  const before = server.totals;
  assert.deepEqual([before.connections, before.rekeys], [2, 1]);
  const ended = client.closed;
  served?.end('go home');
  assert.match(String(await ended), /go home/);
  letGo();
  assert.ok(server.totals.bytesSent >= before.bytesSent, 'what has ended still counts');
});

test('an endpoint with colons in its address has brackets', () => {
  assert.deepEqual([formatEndpoint('::1', 22), formatEndpoint('host', 22)], ['[::1]:22', 'host:22']);
});
