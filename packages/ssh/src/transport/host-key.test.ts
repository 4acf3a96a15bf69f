import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { decodeSignature, encodeSignature, generateKey } from '../keys/index.ts';
import type { PrivateKey, PublicKey } from '../keys/types.ts';
import { maxBytesBeforeAuth } from '../limits.ts';
import { WireWriter } from '../wire/index.ts';
import type { HostKey } from './kex/exchange.ts';
import { Collector, createPair, logIn, testHostKey } from './memory-pair.test.ts';
import { kexEcdhReply } from './messages.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

/** Runs the first exchange up to the server's reply, which `forge` has changed. */
async function forged(
  forge: (reply: { hostKey: Buffer; value: Buffer; signature: Buffer }, raw: RawPeer) => Promise<Partial<typeof reply>>,
  options: Partial<ConstructorParameters<typeof RawPeer>[0]> = {},
): Promise<{ raw: RawPeer; asked: string[] }> {
  const asked: string[] = [];
  const raw = await RawPeer.create({
    tested: 'client',
    ...options,
    client: { verifyHostKey: async (key) => void asked.push(key.type), ...options.client },
  });
  await raw.identify();
  raw.sendKexInit();
  await raw.readKexInit();
  let reply: { hostKey: Buffer; value: Buffer; signature: Buffer } | undefined;
  const send = raw.send.bind(raw);
  // The reply is held back until it has been changed.
  raw.send = () => {};
  await raw.agree((real) => {
    reply = real;
    return real;
  });
  raw.send = send;
  assert.ok(reply);
  send(kexEcdhReply.encode({ ...reply, ...(await forge(reply, raw)) }));
  return { raw, asked };
}

test('a signature that is wrong in any way ends the connection before the verifier is asked', async () => {
  const other = await generateKey('ssh-ed25519');
  const rsa = await generateKey('ssh-rsa', { bits: 2048 });
  const forgeries: Record<string, Parameters<typeof forged>[0]> = {
    'of another key': async (_reply, raw) => ({
      signature: await other.sign(raw.result?.exchangeHash ?? Buffer.alloc(0), 'ssh-ed25519'),
    }),
    'over other data': async (_reply, raw) => ({ signature: await raw.hostKey.sign(Buffer.alloc(32), 'ssh-ed25519') }),
    'of another algorithm': async (_reply, raw) => ({
      signature: await rsa.sign(raw.result?.exchangeHash ?? Buffer.alloc(0), 'rsa-sha2-256'),
    }),
    'under another name': async ({ signature }) => ({
      signature: encodeSignature('rsa-sha2-512', decodeSignature(signature).body),
    }),
    empty: async () => ({ signature: Buffer.alloc(0) }),
    'with bytes behind it': async ({ signature }) => ({ signature: Buffer.concat([signature, Buffer.from([0])]) }),
    cut: async ({ signature }) => ({ signature: signature.subarray(0, -1) }),
    'for another value': async ({ value }) => {
      const changed = Buffer.from(value);
      changed[0] = (changed[0] as number) ^ 1;
      return { value: changed };
    },
  };
  for (const [what, forge] of Object.entries(forgeries)) {
    const { raw, asked } = await forged(forge);
    const told = await raw.disconnect();
    assert.equal(raw.end.code, 'bad-signature', `${what}: ${raw.end.message}`);
    assert.equal(told?.reason, 3, what);
    assert.match(raw.end.remedy ?? '', /Do not log in/);
    assert.deepEqual(asked, [], what);
    assert.equal(await raw.handshake, raw.end);
  }
});

test('a host key of another type than the negotiated one is refused, signed or not', async () => {
  const ecdsa = await generateKey('ecdsa-sha2-nistp256');
  for (const key of [ecdsa, await generateKey('ecdsa-sha2-nistp384'), await generateKey('ssh-rsa', { bits: 2048 })]) {
    const { raw, asked } = await forged(async (_reply, raw) => ({
      hostKey: key.publicKey.blob,
      signature: await key.sign(
        raw.result?.exchangeHash ?? Buffer.alloc(0),
        key.publicKey.signatureAlgorithms[0] ?? '',
      ),
    }));
    await raw.disconnect();
    assert.equal(raw.end.code, 'bad-key');
    assert.match(raw.end.message, /allowed are ssh-ed25519/);
    assert.deepEqual(asked, []);
  }
});

test('host key blobs that are no keys', async () => {
  const name = new WireWriter().string('ssh-ed25519').finish();
  const blobs = [
    Buffer.alloc(0),
    Buffer.from([0, 0, 0]),
    Buffer.from([255, 255, 255, 255]),
    name,
    Buffer.concat([name, Buffer.from([0, 0, 0, 31]), Buffer.alloc(31)]),
    Buffer.concat([name, Buffer.from([0, 0, 0, 33]), Buffer.alloc(33)]),
    Buffer.concat([name, Buffer.from([0, 0, 0, 32]), Buffer.alloc(32), Buffer.from([0])]),
  ];
  for (const hostKey of blobs) {
    const { raw, asked } = await forged(async () => ({ hostKey }));
    const told = await raw.disconnect();
    assert.ok(['bad-key', 'bad-signature'].includes(raw.end.code), raw.end.message);
    assert.equal(raw.end.side, 'peer');
    assert.equal(told?.reason, 3);
    assert.deepEqual(asked, []);
  }
});

test('RSA host keys below what is required are refused before the verifier is asked', async () => {
  const hostKey = await generateKey('ssh-rsa', { bits: 2048 });
  for (const [requiredRsaBits, code] of [
    [3072, 'host-key-refused'],
    [2049, 'host-key-refused'],
    [2048, undefined],
    [1024, undefined],
  ] as const) {
    let asked = 0;
    const pair = await createPair({
      server: { hostKeys: [{ signer: hostKey }] },
      client: { requiredRsaBits, verifyHostKey: async () => void asked++ },
    });
    const [atClient] = await Promise.allSettled([pair.client.handshake(), pair.server.handshake()]);
    if (code === undefined) {
      assert.equal(atClient?.status, 'fulfilled');
      assert.equal(asked, 1);
    } else {
      const error = (atClient as PromiseRejectedResult).reason as SshError;
      assert.equal(error.code, code);
      assert.match(error.message, new RegExp(`2048 bits, at least ${requiredRsaBits}`));
      assert.equal(asked, 0);
    }
  }
});

test('whatever the verifier throws is a refusal', async () => {
  for (const thrown of [new TypeError('cannot read'), 'a string', undefined, null, { code: 'accepted' }]) {
    for (const verifyHostKey of [
      () => Promise.reject(thrown),
      () => {
        throw thrown as Error;
      },
    ]) {
      const { raw } = await forged(async () => ({}), { client: { verifyHostKey } });
      const told = await raw.disconnect();
      assert.equal(raw.end.code, 'host-key-refused');
      assert.equal(raw.end.stage, 'host-key');
      assert.equal(told?.reason, 9);
      assert.doesNotMatch(told?.description.toString() ?? '', /cannot read|a string/);
      assert.equal(await raw.handshake, raw.end);
      assert.notEqual(raw.transport.phase, 'service');
    }
  }
});

test('a verifier that never answers: reading stops, memory stays bounded, the end settles the handshake', async () => {
  const { raw } = await forged(async () => ({}), { client: { verifyHostKey: () => new Promise(() => {}) } });
  raw.sendNewKeys();
  await settle(2);
  let sent = 0;
  while (raw.sink.isReading && sent < maxBytesBeforeAuth) {
    raw.sendBytes(Buffer.alloc(4096, 1));
    sent += 4096;
  }
  assert.equal(raw.sink.isReading, false, 'reading goes on while nothing is taken');
  assert.ok(sent <= 132 * 1024, `${sent} bytes were taken before reading stopped`);
  assert.deepEqual(raw.ends, []);
  // A sink that cannot stop reading is stopped by the limit.
  while (raw.ends.length === 0 && sent < 2 * maxBytesBeforeAuth) {
    raw.sendBytes(Buffer.alloc(4096, 1));
    sent += 4096;
  }
  assert.equal(raw.end.code, 'limit-exceeded');
  assert.ok(sent <= maxBytesBeforeAuth);
  assert.equal(await raw.handshake, raw.end);
  assert.equal(raw.clock.timerCount, 0);
});

test('bytes that come one at a time while the verifier thinks are not copied over and over', async () => {
  const { raw } = await forged(async () => ({}), { client: { verifyHostKey: () => new Promise(() => {}) } });
  const start = process.hrtime.bigint();
  const one = Buffer.alloc(1);
  for (let count = 0; count < 120_000; count++) raw.transport.receive(one);
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  assert.ok(ms < 2000, `120000 bytes took ${ms} ms`);
  raw.transport.receiveEnd();
  await raw.handshake;
});

test('a verifier that answers after the end changes nothing', async () => {
  let accept: () => void = () => {};
  const { raw } = await forged(async () => ({}), {
    client: { verifyHostKey: () => new Promise((resolve) => (accept = () => resolve())) },
  });
  await settle(2);
  raw.transport.receiveEnd();
  assert.equal(await raw.handshake, raw.end);
  const written = raw.sink.bytes.length;
  accept();
  await settle(4);
  assert.equal(raw.sink.bytes.length, written);
  assert.equal(raw.sink.writesAfterEnd, 0);
  assert.equal(raw.ends.length, 1);
  assert.notEqual(raw.transport.phase, 'service');
});

/** A server whose host key is another one from the second exchange on. */
async function swappingPair(replacement: HostKey, asked: PublicKey[]) {
  const hostKeys: HostKey[] = [{ signer: await testHostKey() }];
  const pair = await createPair({
    server: { hostKeys },
    client: { verifyHostKey: async (key) => void asked.push(key) },
  });
  await logIn(pair);
  const atClient = new Collector();
  const atServer = new Collector();
  pair.client.attach(atClient);
  pair.server.attach(atServer);
  return { pair, atClient, atServer, swap: () => void hostKeys.splice(0, 1, replacement) };
}

test('a host key changed in a rekey ends the client, and the verifier is not asked again (OpenSSH CVE-2026-60002)', async () => {
  for (const starter of ['client', 'server'] as const) {
    const asked: PublicKey[] = [];
    const { pair, atClient, swap } = await swappingPair({ signer: await generateKey('ssh-ed25519') }, asked);
    // The same key again is no question either.
    await pair[starter].rekey();
    assert.equal(atClient.ended, undefined);
    swap();
    await Promise.allSettled([pair[starter].rekey()]);
    await settle(8);
    assert.equal(pair.client.ended?.code, 'host-key-changed');
    assert.equal(atClient.ended, pair.client.ended);
    assert.equal(asked.length, 1);
    assert.deepEqual(pair.client.hostKey.blob, (await testHostKey()).publicKey.blob);
    assert.equal(pair.server.ended?.code, 'disconnected');
    assert.match(pair.server.ended?.message ?? '', /disconnect: 9/);
  }
});

test('a server that signs wrongly in a rekey ends the client', async () => {
  const real = await testHostKey();
  const other = await generateKey('ssh-ed25519');
  const impostor: PrivateKey = { ...real, publicKey: real.publicKey, label: real.label, sign: other.sign.bind(other) };
  const { pair, swap } = await swappingPair({ signer: impostor }, []);
  swap();
  await Promise.allSettled([pair.client.rekey()]);
  assert.equal(pair.client.ended?.code, 'bad-signature');
});

test('a host key that cannot sign ends the server with its own reason, which the client is not told', async () => {
  const real = await testHostKey();
  const broken: PrivateKey = {
    ...real,
    publicKey: real.publicKey,
    label: real.label,
    sign: () =>
      Promise.reject(
        new SshError('the agent is gone: /run/secret.sock', { code: 'agent-unavailable', stage: 'agent' }),
      ),
  };
  const pair = await createPair({ server: { hostKeys: [{ signer: broken }] } });
  const [atClient, atServer] = await Promise.allSettled([pair.client.handshake(), pair.server.handshake()]);
  assert.equal(((atServer as PromiseRejectedResult).reason as SshError).code, 'agent-unavailable');
  const seen = (atClient as PromiseRejectedResult).reason as SshError;
  assert.equal(seen.code, 'disconnected');
  assert.doesNotMatch(seen.message, /secret/);
});

test('public values that lead nowhere are refused: wrong lengths, and points of low order', async () => {
  const zero = Buffer.alloc(32);
  const one = Buffer.alloc(32);
  one[0] = 1;
  const lowOrder = Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex');
  for (const value of [Buffer.alloc(0), Buffer.alloc(31, 9), Buffer.alloc(33, 9), zero, one, lowOrder]) {
    const { raw } = await forged(async () => ({ value }));
    const told = await raw.disconnect();
    assert.equal(raw.end.code, 'kex-failed', value.toString('hex'));
    assert.equal(told?.reason, 3);
    const server = await (await RawPeer.create({ tested: 'server' })).reach('first-kex');
    server.send(new WireWriter().uint8(30).string(value).finish());
    const toldClient = await server.disconnect();
    assert.equal(server.end.code, 'kex-failed', value.toString('hex'));
    assert.equal(toldClient?.reason, 3);
  }
});
