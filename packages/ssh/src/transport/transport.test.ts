import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ciphers } from '../crypto/ciphers/table.ts';
import { macs } from '../crypto/macs/table.ts';
import { SshError } from '../errors.ts';
import { generateKey } from '../keys/index.ts';
import { kexNames } from './algorithms.ts';
import { Collector, createPair, logIn } from './memory-pair.test.ts';

function channelData(text: string): Buffer {
  return Buffer.concat([Buffer.from([94, 0, 0, 0, 0]), Buffer.from(text)]);
}

async function exchange(pair: Awaited<ReturnType<typeof createPair>>): Promise<void> {
  const atClient = new Collector();
  const atServer = new Collector();
  pair.client.attach(atClient);
  pair.server.attach(atServer);
  pair.client.send(channelData('to the server'));
  pair.server.send(channelData('to the client'));
  await Promise.all([atClient.waitFor(1), atServer.waitFor(1)]);
  assert.equal(atServer.payloads[0]?.subarray(5).toString(), 'to the server');
  assert.equal(atClient.payloads[0]?.subarray(5).toString(), 'to the client');
}

for (const kex of kexNames) {
  test(`key exchange ${kex}`, async () => {
    const algorithms = { legacy: true, kex: [kex] };
    const pair = await createPair({ client: { algorithms }, server: { algorithms } });
    await logIn(pair);
    assert.equal(pair.client.negotiated?.kex, kex);
    assert.deepEqual(pair.client.sessionId, pair.server.sessionId);
    await exchange(pair);
  });
}

for (const cipher of ciphers) {
  for (const mac of cipher.aead ? [undefined] : macs) {
    test(`cipher ${cipher.name} ${mac?.name ?? ''}`, async () => {
      const algorithms = { kex: ['curve25519-sha256'], cipher: [cipher.name], ...(mac && { mac: [mac.name] }) };
      // Pieces of 100 bytes, so that packets straddle reads.
      const pair = await createPair({ client: { algorithms }, server: { algorithms }, pieceBytes: 100 });
      await logIn(pair);
      await exchange(pair);
    });
  }
}

test('the same host key algorithm on both sides, for every type', async () => {
  for (const type of ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa']) {
    const key = await generateKey(type, { bits: 2048 });
    const pair = await createPair({ server: { hostKeys: [{ signer: key }] } });
    await logIn(pair);
    assert.equal(pair.client.hostKey.type, type);
  }
});

test('compression after login, and no growth beyond the packet limit', async () => {
  const algorithms = { compression: ['zlib@openssh.com'] };
  const pair = await createPair({ client: { algorithms }, server: { algorithms } });
  await logIn(pair);
  await exchange(pair);
  const atServer = new Collector();
  pair.server.attach(atServer);
  const before = pair.clientSink.sentBytes;
  for (let round = 0; round < 20; round++)
    pair.client.send(Buffer.concat([Buffer.from([94]), Buffer.alloc(30_000, round)]));
  await atServer.waitFor(20);
  assert.ok(atServer.payloads.every((payload, round) => payload.length === 30_001 && payload[1] === round));
  assert.ok(pair.clientSink.sentBytes - before < 30_000, 'repeated bytes are compressed');
});

test('a rekey from either side, with data in flight both ways', async () => {
  const pair = await createPair();
  await logIn(pair);
  const atClient = new Collector();
  const atServer = new Collector();
  pair.client.attach(atClient);
  pair.server.attach(atServer);
  const sessionId = pair.client.sessionId;
  let sent = 0;
  for (let round = 0; round < 6; round++) {
    const rekeyed =
      round % 3 === 0
        ? [pair.client.rekey()]
        : round % 3 === 1
          ? [pair.server.rekey()]
          : [pair.client.rekey(), pair.server.rekey()];
    for (let count = 0; count < 20; count++, sent++) {
      pair.client.send(channelData(`c${sent}`));
      pair.server.send(channelData(`s${sent}`));
      if (count === 10) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(rekeyed);
    await Promise.all([atClient.waitFor(sent), atServer.waitFor(sent)]);
  }
  assert.deepEqual(
    atServer.payloads.map((payload) => payload.subarray(5).toString()),
    Array.from({ length: sent }, (_, index) => `c${index}`),
  );
  assert.deepEqual(
    atClient.payloads.map((payload) => payload.subarray(5).toString()),
    Array.from({ length: sent }, (_, index) => `s${index}`),
  );
  assert.deepEqual(pair.client.sessionId, sessionId);
});

test('rekey by bytes, by packets and by time', async () => {
  for (const rekey of [{ bytes: 10_000 }, { packets: 10 }, { ms: 1000 }]) {
    const lines: string[] = [];
    const pair = await createPair({ client: { rekey, log: (_level, text) => void lines.push(text) } });
    await logIn(pair);
    const atServer = new Collector();
    pair.client.attach(new Collector());
    pair.server.attach(atServer);
    for (let count = 1; count <= 40; count++) {
      pair.client.send(channelData('x'.repeat(1000)));
      await atServer.waitFor(count);
      pair.clock.advance(100);
    }
    const exchanges = lines.filter((line) => line.startsWith('kex: algorithm')).length;
    assert.ok(exchanges >= 3, `${JSON.stringify(rekey)} gave ${exchanges} exchanges`);
  }
});

test("a client's first login request waits for no answer", async () => {
  const pair = await createPair();
  // The client never hears that the service is granted.
  pair.serverSink.tamper = (bytes) => (pair.server.phase === 'service' || pair.server.phase === 'auth' ? none : bytes);
  const request = Buffer.from('\x32request', 'latin1');
  const atClient = pair.client.handshake(() => request).catch((error: unknown) => error);
  await pair.server.handshake();
  assert.deepEqual(await pair.server.next(), request);
  assert.equal(pair.client.phase, 'service');
  pair.client.fail(new SshError('enough', { code: 'aborted', stage: 'auth' }));
  assert.equal((await atClient) instanceof SshError, true);
});

const none = Buffer.alloc(0);

test('ping is answered by the peer', async () => {
  const pair = await createPair();
  await logIn(pair);
  pair.client.attach(new Collector());
  pair.server.attach(new Collector());
  await new Promise<void>((resolve) => assert.equal(pair.client.ping(resolve), true));
  await new Promise<void>((resolve) => assert.equal(pair.server.ping(resolve), true));
});

test('a host key that the verifier refuses ends both sides, and the client says nothing of why', async () => {
  const refusal = new SshError('not today', { code: 'host-key-refused', stage: 'host-key' });
  const pair = await createPair({ client: { verifyHostKey: () => Promise.reject(refusal) } });
  const [atClient, atServer] = await Promise.allSettled([pair.client.handshake(), pair.server.handshake()]);
  assert.equal((atClient as PromiseRejectedResult).reason, refusal);
  const seen = (atServer as PromiseRejectedResult).reason as SshError;
  assert.equal(seen.code, 'disconnected');
  assert.doesNotMatch(seen.message, /not today/);
});

test('a nudge reaches the other end as a message that nobody hears of', async () => {
  const lines: string[] = [];
  const pair = await createPair({ server: { logPackets: true, log: (_level, text) => lines.push(text) } });
  await logIn(pair);
  const atServer = new Collector();
  pair.server.attach(atServer);
  pair.client.attach(new Collector());
  pair.client.nudge();
  pair.client.send(channelData('after'));
  await atServer.waitFor(1);
  assert.deepEqual(
    atServer.payloads.map((payload) => payload.toString('latin1')),
    [channelData('after').toString('latin1')],
  );
  assert.deepEqual(lines.filter((line) => line.startsWith('receive packet')).slice(-2), [
    'receive packet: type 2',
    'receive packet: type 94',
  ]);
});

test('the whole state goes to another transport after login, in either role, for every cipher', async () => {
  for (const cipher of ['chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes256-cbc']) {
    const algorithms = { kex: ['curve25519-sha256'], cipher: [cipher] };
    const pair = await createPair({ client: { algorithms }, server: { algorithms } });
    await logIn(pair);
    // A message that is there already when the state is taken must not be lost.
    pair.client.send(channelData('before'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    const state = structuredClone(pair.server.exportState());
    const { Transport } = await import('./transport.ts');
    const restored = Transport.restore(
      {
        role: 'server',
        sink: pair.serverSink,
        clock: pair.clock,
        version: 'test',
        hostKeys: [{ signer: pair.hostKey }],
        signatureAlgorithms: [],
        algorithms,
      },
      state,
    );
    // Windows start by what is known of the path.
    assert.equal(restored.roundTripMs, pair.server.roundTripMs);
    assert.equal(typeof restored.roundTripMs, 'number');
    pair.clientSink.peer = restored;
    const atServer = new Collector();
    const atClient = new Collector();
    restored.attach(atServer);
    pair.client.attach(atClient);
    pair.client.send(channelData('after'));
    restored.send(channelData('back'));
    await Promise.all([atServer.waitFor(2), atClient.waitFor(1)]);
    assert.deepEqual(
      atServer.payloads.map((payload) => payload.subarray(5).toString()),
      ['before', 'after'],
    );
    await Promise.all([restored.rekey(), atServer.waitFor(2)]);
    restored.send(channelData('new keys'));
    await atClient.waitFor(2);
    assert.equal(atClient.payloads[1]?.subarray(5).toString(), 'new keys');
  }
});

test('no common algorithm names the list and both offers', async () => {
  const pair = await createPair({
    client: { algorithms: { kex: ['curve25519-sha256'] } },
    server: { algorithms: { kex: ['ecdh-sha2-nistp256'] } },
  });
  const [atClient] = await Promise.allSettled([pair.client.handshake(), pair.server.handshake()]);
  const error = (atClient as PromiseRejectedResult).reason as SshError;
  assert.equal(error.code, 'no-common-algorithm');
  assert.match(error.message, /key exchange method found. Their offer: ecdh-sha2-nistp256/);
});

test('a peer that stops in the key exchange is left after the deadline', async () => {
  const pair = await createPair();
  pair.clientSink.peer = undefined;
  const shaken = pair.client.handshake();
  await new Promise((resolve) => setImmediate(resolve));
  pair.clock.advance(120_001);
  await assert.rejects(shaken, { code: 'timeout' });
});
