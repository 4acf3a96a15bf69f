/** The agent server and its keyring, asked by our client and by bytes that no client would send. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { generateKey, writePrivateKey } from '../keys/index.ts';
import type { PrivateKey } from '../keys/types.ts';
import { maxPendingRequests } from '../limits.ts';
import { WireWriter } from '../wire/index.ts';
import { agentSigners, createAgentClient } from './client.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import { Keyring, type KeyringOptions } from './keyring.ts';
import * as messages from './messages.ts';
import { serveAgent } from './server.ts';
import { SessionBindings } from './session-bindings.ts';
import { MemoryStream } from './testing.test.data.ts';

const refused = (error: unknown) => error instanceof SshError && error.code === 'agent-refused';
const secret = await generateKey('ssh-ed25519', { comment: 'mine' });

function setUp(options: Partial<KeyringOptions> = {}) {
  const keyring = new Keyring({ now: () => 0, ...options });
  const near = new MemoryStream();
  const far = new MemoryStream();
  near.onWrite = (bytes) => far.emit('data', bytes);
  far.onWrite = (bytes) => near.emit('data', bytes);
  const connection = serveAgent(far, keyring);
  return { keyring, client: createAgentClient(near), connection, near, far };
}

/** The message numbers of the answers to raw requests. */
async function ask(keyring: Keyring, ...requests: Uint8Array[]): Promise<number[]> {
  const stream = new MemoryStream();
  serveAgent(stream, keyring);
  const reader = new FrameReader();
  const numbers: number[] = [];
  const done = new Promise<void>((resolve) => {
    stream.onWrite = (bytes) => {
      reader.push(bytes, (message) => numbers.push(message[0] ?? -1));
      if (numbers.length === requests.length) resolve();
    };
  });
  stream.emit('data', Buffer.concat(requests.map(encodeFrame)));
  await done;
  return numbers;
}

test('keys are added, listed, used to sign, and removed', async () => {
  const { client } = setUp();
  const rsa = await generateKey('ssh-rsa', { bits: 2048 });
  await client.add(secret);
  await client.add(rsa, { comment: 'other' });
  await client.add(secret, { comment: 'renamed' });
  const signers = await agentSigners(client);
  assert.deepEqual(
    signers.map(({ label }) => label),
    ['agent: renamed', 'agent: other'],
  );
  const data = Buffer.from('data');
  for (const signer of signers) {
    for (const algorithm of signer.publicKey.signatureAlgorithms.filter((name) => name !== 'ssh-rsa')) {
      assert.equal(signer.publicKey.verify(data, await signer.sign(data, algorithm), algorithm), true);
    }
  }
  await assert.rejects(client.sign(rsa.publicKey, data, 'ssh-rsa'), refused);
  await client.remove(rsa.publicKey);
  await assert.rejects(client.remove(rsa.publicKey), refused);
  await assert.rejects(client.sign(rsa.publicKey, data, 'rsa-sha2-256'), refused);
  await client.removeAll();
  assert.deepEqual(await client.list(), []);
});

test('a locked agent shows nothing, does nothing, and waits after a wrong passphrase', async () => {
  let now = 0;
  const { client, keyring } = setUp({ now: () => now });
  await client.add(secret);
  await client.lock('right');
  assert.deepEqual(await client.list(), []);
  for (const call of [
    () => client.sign(secret.publicKey, Buffer.alloc(1), 'ssh-ed25519'),
    () => client.add(secret),
    () => client.remove(secret.publicKey),
    () => client.removeAll(),
    () => client.lock('again'),
    () => client.unlock('wrong'),
    () => client.unlock('right'),
  ]) {
    await assert.rejects(call(), refused);
  }
  now = 101;
  await assert.rejects(client.unlock('righ'), refused);
  now = 250;
  await assert.rejects(client.unlock('right'), refused);
  now = 302;
  await client.unlock('right');
  assert.equal((await client.list()).length, 1);
  assert.equal(keyring.locked, false);
  await assert.rejects(client.unlock('right'), refused);
});

test('constraints are kept, or the key is not taken', async () => {
  let now = 0;
  let agreed = false;
  const { client } = setUp({ now: () => now, confirm: async () => agreed });
  await client.add(secret, { constraints: { lifetimeSeconds: 10, confirm: true } });
  const sign = () => client.sign(secret.publicKey, Buffer.alloc(1), 'ssh-ed25519');
  await assert.rejects(sign(), refused);
  agreed = true;
  await sign();
  now = 9_999;
  await sign();
  now = 10_000;
  await assert.rejects(sign(), refused);
  assert.deepEqual(await client.list(), []);
  await assert.rejects(setUp().client.add(secret, { constraints: { confirm: true } }), refused);
});

test('unknown or broken constraints, cut keys and left-over bytes are refused', async () => {
  const writer = new WireWriter();
  writePrivateKey(writer, secret);
  const identity = Buffer.from(writer.string('c').finish());
  const keyring = new Keyring({ now: () => 0 });
  const extension = new WireWriter().uint8(255).string('restrict-destination-v00@openssh.com').string('').finish();
  const bad = [
    ...[[1, 0, 0], [9], [3, 0, 0, 0, 1]].map((bytes) => Buffer.concat([Buffer.of(25), identity, Buffer.from(bytes)])),
    Buffer.concat([Buffer.of(25), identity, extension]),
    Buffer.concat([Buffer.of(17), identity, Buffer.of(2)]),
    ...Array.from({ length: identity.length }, (_, end) => Buffer.concat([Buffer.of(17), identity.subarray(0, end)])),
  ];
  assert.deepEqual(
    await ask(keyring, ...bad.slice(0, 100)),
    Array(Math.min(100, bad.length)).fill(messages.failure.number),
  );
  assert.equal(keyring.list().length, 0);
});

test('nothing makes the agent load a provider, and unknown requests fail', async () => {
  const keyring = new Keyring({ now: () => 0 });
  const path = Buffer.from('/tmp/evil.so');
  const smartcard = { id: path, pin: Buffer.alloc(0) };
  const requests = [
    messages.addSmartcardKey.encode(smartcard),
    messages.addSmartcardKeyConstrained.encode({ ...smartcard, constraints: Buffer.alloc(0) }),
    messages.removeSmartcardKey.encode(smartcard),
    Buffer.of(1),
    Buffer.of(255),
    messages.extension.encode({ extension: 'future@example.com', contents: Buffer.alloc(3) }),
  ];
  assert.deepEqual(await ask(keyring, ...requests), Array(requests.length).fill(messages.failure.number));
});

test('a session is bound by its host key, also while locked, once, and not after a login', async () => {
  const { client, connection } = setUp();
  const sessionId = Buffer.alloc(32, 1);
  const signature = await secret.sign(sessionId, 'ssh-ed25519');
  const binding = { hostKey: secret.publicKey, sessionId, signature, forwarding: true };
  assert.equal(connection.bindings.remote, false);
  assert.equal(await client.bindSession({ ...binding, sessionId: Buffer.alloc(32, 2) }), false);
  assert.equal(connection.bindings.remote, true);
  await client.lock('x');
  assert.equal(await client.bindSession(binding), true);
  assert.equal(connection.bindings.sessions.length, 1);
  assert.deepEqual(await client.queryExtensions(), []);
  await client.unlock('x');
  // ssh binds its session anew for every channel: that is no error, and no second hop.
  assert.equal(await client.bindSession(binding), true);
  assert.equal(connection.bindings.sessions.length, 1);
  const other = await generateKey('ssh-ed25519');
  const stolen = await other.sign(sessionId, 'ssh-ed25519');
  assert.equal(await client.bindSession({ ...binding, hostKey: other.publicKey, signature: stolen }), false);
  const next = Buffer.alloc(32, 3);
  const login = { ...binding, sessionId: next, signature: await secret.sign(next, 'ssh-ed25519'), forwarding: false };
  assert.equal(await client.bindSession(login), true);
  const third = Buffer.alloc(32, 4);
  const late = { ...binding, sessionId: third, signature: await secret.sign(third, 'ssh-ed25519') };
  assert.equal(await client.bindSession(late), false);
  assert.equal(connection.bindings.remote, true);
  assert.deepEqual(await client.queryExtensions(), ['query', 'session-bind@openssh.com']);
});

test('at most sixteen sessions are bound', async () => {
  const bindings = new SessionBindings();
  for (let hop = 0; hop < 17; hop++) {
    const sessionId = Buffer.alloc(32, hop);
    const signature = await secret.sign(sessionId, 'ssh-ed25519');
    const contents = messages.sessionBind.encode({
      hostKey: secret.publicKey.blob,
      sessionId,
      signature,
      forwarding: true,
    });
    if (hop < 16) bindings.bind(contents);
    else assert.throws(() => bindings.bind(contents), refused);
  }
});

test('a client that floods or sends a frame too large is cut off', async () => {
  const flood = new MemoryStream();
  const flooded = serveAgent(flood, new Keyring({ now: () => 0 }));
  const list = encodeFrame(messages.requestIdentities.encode({}));
  flood.emit('data', Buffer.concat(Array<Buffer>(maxPendingRequests + 2).fill(list)));
  assert.equal((await flooded.closed)?.code, 'limit-exceeded');
  assert.equal(flood.destroyed, true);
  const large = new MemoryStream();
  const cut = serveAgent(large, new Keyring({ now: () => 0 }));
  large.emit('data', Buffer.of(0xff, 0xff, 0xff, 0xff));
  assert.equal((await cut.closed)?.code, 'limit-exceeded');
  const gone = new MemoryStream();
  const left = serveAgent(gone, new Keyring({ now: () => 0 }));
  gone.emit('end');
  assert.equal(await left.closed, undefined);
});

test('a client that does not read is not answered further', async () => {
  const stream = new MemoryStream();
  const connection = serveAgent(stream, new Keyring({ now: () => 0 }));
  const request = encodeFrame(messages.requestIdentities.encode({}));
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  stream.takesMore = false;
  stream.emit('data', Buffer.concat([request, request, request]));
  await settle();
  assert.equal(stream.written.length, 1);
  stream.emit('drain');
  await settle();
  assert.equal(stream.written.length, 2);
  stream.takesMore = true;
  stream.emit('drain');
  await settle();
  assert.equal(stream.written.length, 3);
  stream.takesMore = false;
  for (let asked = 0; asked < maxPendingRequests + 2; asked++) {
    stream.emit('data', request);
    await settle();
  }
  assert.equal((await connection.closed)?.code, 'limit-exceeded');
  assert.equal(stream.destroyed, true);
  assert.equal(stream.written.length, 4);
});

test('security keys are not taken', async () => {
  const device = { type: 'sk-ssh-ed25519@openssh.com', publicKey: secret.publicKey } as PrivateKey;
  assert.throws(() => new Keyring({ now: () => 0 }).add(device, 'a device'), refused);
});

test('whatever is asked, an answer comes', async () => {
  const numbers = fc.constantFrom(11, 13, 17, 18, 19, 20, 22, 23, 25, 26, 27, 99);
  const requests = fc.tuple(numbers, fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { maxLength: 60 }));
  await fc.assert(
    fc.asyncProperty(requests, async ([number, rest]) => {
      const keyring = new Keyring({ now: () => 0 });
      keyring.add(secret, 'c');
      const [answer] = await ask(keyring, Buffer.from([number, ...rest]));
      assert.ok(answer !== undefined && [5, 6, 12, 28, 29].includes(answer));
    }),
  );
});
