/** The keyring: security keys and web sites, lifetimes by default, guesses at the lock, and the reasons of refusals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEd25519Signer, generateEd25519 } from '../crypto/signatures/ed25519.ts';
import { SshError } from '../errors.ts';
import { generateKey, readPrivateKey, type SecurityKeyProvider, securityKeyData } from '../keys/index.ts';
import { maxWaitingUnlocks } from '../limits.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { createAgentClient } from './client.ts';
import { Keyring } from './keyring.ts';
import * as messages from './messages.ts';
import { serveAgent } from './server.ts';
import { MemoryStream } from './testing.test.data.ts';

const refused = (error: unknown) => error instanceof SshError && error.code === 'agent-refused';
const sk = 'sk-ssh-ed25519@openssh.com';
const token = generateEd25519();

function deviceKey(application: string) {
  const writer = new WireWriter().string(sk).string(token.publicKey).string(application);
  writer.uint8(1).string('the handle').string('');
  return readPrivateKey(new WireReader(writer.finish()))('device');
}

const touched: string[] = [];
const securityKeyProvider: SecurityKeyProvider = async ({ application, data }) => {
  touched.push(application);
  return { signature: createEd25519Signer(token)(securityKeyData(application, 1, 7, data)), flags: 1, counter: 7 };
};

function connect(keyring: Keyring, onRefused?: (error: SshError, request: number) => void) {
  const near = new MemoryStream();
  const far = new MemoryStream();
  near.onWrite = (bytes) => far.emit('data', bytes);
  far.onWrite = (bytes) => near.emit('data', bytes);
  serveAgent(far, keyring, { onRefused });
  return createAgentClient(near);
}

test('a security key signs by the provider, and is not taken without one', async () => {
  const key = deviceKey('ssh:');
  const client = connect(new Keyring({ now: () => 0, securityKeyProvider }));
  await client.add(key, { constraints: { securityKeyProvider: 'Internal' } });
  const signature = await client.sign(key.publicKey, Buffer.from('data'), sk);
  assert.ok(key.publicKey.verify(Buffer.from('data'), signature, sk));
  assert.deepEqual(touched.splice(0), ['ssh:']);
  await assert.rejects(connect(new Keyring({ now: () => 0 })).add(key), refused);
});

test('no provider is loaded by path, and none belongs to a key that is no security key', async () => {
  const client = connect(new Keyring({ now: () => 0, securityKeyProvider }));
  await assert.rejects(client.add(deviceKey('ssh:'), { constraints: { securityKeyProvider: '/lib/x.so' } }), refused);
  const key = await generateKey('ssh-ed25519');
  await assert.rejects(client.add(key, { constraints: { securityKeyProvider: 'internal' } }), refused);
  await assert.rejects(client.addSmartcardKeys('/lib/x.so', '1234'), refused);
  await assert.rejects(client.addSmartcardKeys('/lib/x.so', '', { constraints: { confirm: true } }), refused);
  await assert.rejects(client.removeSmartcardKeys('/lib/x.so', ''), refused);
  assert.deepEqual(await client.list(), []);
});

test('the key of a web site signs logins over SSH and files, and no login to the web site', async () => {
  const key = deviceKey('webauthn.example');
  const client = connect(new Keyring({ now: () => 0, securityKeyProvider }));
  await client.add(key);
  const login = new WireWriter().string('session').uint8(50).string('alice').string('ssh-connection');
  login.string('publickey').uint8(1).string(sk).string(key.publicKey.blob);
  const loginData = Buffer.from(login.finish());
  const file = new WireWriter().fixed(Buffer.from('SSHSIG')).string('git').string('').string('sha512').string('hash');
  const fileData = Buffer.from(file.finish());
  await client.sign(key.publicKey, loginData, sk);
  await client.sign(key.publicKey, fileData, sk);
  touched.length = 0;
  const web = [
    Buffer.concat([Buffer.from('authenticator data'), Buffer.alloc(32)]),
    Buffer.concat([loginData, Buffer.of(0)]),
    Buffer.concat([fileData, Buffer.of(0)]),
    fileData.subarray(0, -1),
    Buffer.concat([Buffer.from('SSHSIg'), fileData.subarray(6)]),
  ];
  for (const data of web) await assert.rejects(client.sign(key.publicKey, data, sk), refused);
  assert.deepEqual(touched, []);
  const trusting = connect(new Keyring({ now: () => 0, securityKeyProvider, maySignAnything: () => true }));
  await trusting.add(key);
  await trusting.sign(key.publicKey, web[0] as Buffer, sk);
});

test('keys without a lifetime get the default one', async () => {
  let now = 0;
  const keyring = new Keyring({ now: () => now, defaultLifetimeSeconds: 10 });
  keyring.add(await generateKey('ssh-ed25519'), 'default');
  keyring.add(await generateKey('ssh-ed25519'), 'own', { lifetimeSeconds: 20 });
  now = 10_000;
  assert.deepEqual(
    keyring.list().map(({ comment }) => comment),
    ['own'],
  );
  now = 20_000;
  assert.deepEqual(keyring.list(), []);
});

test('guesses at the lock wait their turn, and only so many', async () => {
  let now = 0;
  const waits: number[] = [];
  const wait = async (milliseconds: number) => {
    waits.push(milliseconds);
    now += milliseconds;
  };
  const keyring = new Keyring({ now: () => now, wait });
  await assert.rejects(async () => keyring.lock(Buffer.alloc(0)), refused);
  keyring.lock(Buffer.from('right'));
  const guesses = Array.from({ length: maxWaitingUnlocks + 1 }, () => keyring.unlock(Buffer.from('wrong')));
  const results = await Promise.allSettled(guesses);
  assert.ok(results.every(({ status }) => status === 'rejected'));
  assert.equal(waits.length, maxWaitingUnlocks - 1);
  assert.deepEqual([waits[0], waits[1], waits.at(-1)], [100, 200, 10_000]);
  await keyring.unlock(Buffer.from('right'));
  assert.equal(keyring.locked, false);
});

test('keys are forgotten even while locked, by whoever holds the keyring', async () => {
  const keyring = new Keyring({ now: () => 0 });
  keyring.add(await generateKey('ssh-ed25519'), 'gone');
  keyring.lock(Buffer.from('x'));
  keyring.forget();
  await keyring.unlock(Buffer.from('x'));
  assert.deepEqual(keyring.list(), []);
});

test('whoever runs the agent is told why it refused', async () => {
  const reasons: [string, number][] = [];
  const client = connect(new Keyring({ now: () => 0 }), (error, request) => reasons.push([error.message, request]));
  const key = await generateKey('ssh-ed25519');
  await assert.rejects(client.sign(key.publicKey, Buffer.alloc(1), 'ssh-ed25519'), refused);
  await assert.rejects(client.addSmartcardKeys('/lib/x.so', ''), refused);
  assert.deepEqual(reasons, [
    ['the agent refuses: it does not hold the key', messages.signRequest.number],
    ['request 20 is refused, or not known here', messages.addSmartcardKey.number],
  ]);
});
