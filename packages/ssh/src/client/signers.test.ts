import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { AgentClient } from '../agent/index.ts';
import { SshError } from '../errors.ts';
import { fingerprint, formatPrivateKey, formatPublicKey, generateKey, signCertificate } from '../keys/index.ts';
import type { PrivateKey, Signer } from '../keys/types.ts';
import { loadIdentity } from './identities.ts';
import type { ConnectOptions } from './options.ts';
import { offeredSigners } from './signers.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-signers-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

let first: PrivateKey;
let second: PrivateKey;
let third: PrivateKey;
before(async () => {
  first = await generateKey('ssh-ed25519', { comment: 'first' });
  second = await generateKey('ssh-ed25519', { comment: 'second' });
  third = await generateKey('ssh-ed25519', { comment: 'third' });
});

async function save(key: PrivateKey, name: string, passphrase?: string): Promise<string> {
  const path = join(folder, name);
  writeFileSync(
    path,
    await formatPrivateKey(key, 'openssh', passphrase === undefined ? {} : { passphrase, rounds: 1 }),
    {
      mode: 0o600,
    },
  );
  writeFileSync(`${path}.pub`, formatPublicKey(key.publicKey));
  return path;
}

/** An agent that lists keys and signs with them. */
function agentWith(...keys: PrivateKey[]): AgentClient & { closed: boolean } {
  const agent = {
    closed: false,
    list: async () =>
      keys.map((key) => ({ blob: key.publicKey.blob, type: key.type, comment: key.comment, key: key.publicKey })),
    sign: async (key: PrivateKey['publicKey'], data: Uint8Array, algorithm: string) => {
      const signer = keys.find((candidate) => candidate.publicKey.equals(key));
      if (signer === undefined) throw new SshError('no', { code: 'agent-refused', stage: 'agent' });
      return signer.sign(data, algorithm);
    },
    close: () => {
      agent.closed = true;
    },
  };
  return agent as unknown as AgentClient & { closed: boolean };
}

async function offered(options: Partial<ConnectOptions>): Promise<Signer[]> {
  const all: Signer[] = [];
  for await (const signer of offeredSigners(options as ConnectOptions)) all.push(signer);
  return all;
}

const labels = async (options: Partial<ConnectOptions>) => (await offered(options)).map(({ label }) => label);

test('files that the agent holds come first and are its to sign with, then its others, then other files', async () => {
  const [one, two] = [await save(first, 'one'), await save(second, 'two', 'secret')];
  const options = { identities: [one, two], agent: agentWith(third, second) };
  assert.deepEqual(await labels(options), [
    `${two} ED25519 ${fingerprint(second.publicKey)} explicit agent`,
    `third ED25519 ${fingerprint(third.publicKey)} agent`,
    `${one} ED25519 ${fingerprint(first.publicKey)} explicit`,
  ]);
  const [locked] = await offered(options);
  const signature = (await locked?.sign(Buffer.from('data'), 'ssh-ed25519')) ?? Buffer.alloc(0);
  assert.ok(second.publicKey.verify(Buffer.from('data'), signature, 'ssh-ed25519'));
});

test('identitiesOnly leaves out what was not named; without an agent files keep their order', async () => {
  const [one, two] = [await save(first, 'one'), await save(second, 'two')];
  const only = await offered({ identities: [one], agent: agentWith(third, first), identitiesOnly: true });
  assert.deepEqual(
    only.map(({ publicKey }) => publicKey.blob),
    [first.publicKey.blob],
  );
  const files = await offered({ identities: [two, third, one], agent: false });
  assert.deepEqual(
    files.map(({ publicKey }) => fingerprint(publicKey)),
    [third, second, first].map((key) => fingerprint(key.publicKey)),
  );
});

test('a file with the public half alone means the agent’s key', async () => {
  const path = join(folder, 'only.pub');
  writeFileSync(path, formatPublicKey(third.publicKey));
  assert.match((await labels({ identities: [path], agent: agentWith(third) }))[0] ?? '', / explicit agent$/);
  const [alone] = await offered({ identities: [path], agent: false });
  await assert.rejects(alone?.sign(Buffer.alloc(1), 'ssh-ed25519') ?? Promise.resolve(), /public key only/);
});

test('named certificates come first, one beside the file behind its key', async () => {
  const path = await save(first, 'certified');
  const request = { subject: first.publicKey, kind: 'user', keyId: 'ada', principals: ['ada'], serial: 1n } as const;
  const certificate = await signCertificate({ ...request, validAfter: 0n, validBefore: 2n ** 64n - 1n }, third);
  writeFileSync(`${path}-cert.pub`, formatPublicKey(certificate));
  const types = (await offered({ identities: [path], agent: false })).map(({ publicKey }) => publicKey.type);
  assert.deepEqual(types, ['ssh-ed25519', 'ssh-ed25519-cert-v01@openssh.com']);
  const other = await save(first, 'uncertified');
  const named = await offered({ identities: [other], certificates: [`${path}-cert.pub`], agent: agentWith(first) });
  assert.match(named[0]?.label ?? '', / ED25519-CERT SHA256:/);
  assert.equal(named.length, 2);
});

test('what cannot be used ends the list, or is left out where that was asked for', async () => {
  const path = await save(first, 'good');
  const options = { identities: [join(folder, 'missing'), path], agent: join(folder, 'no-agent') };
  await assert.rejects(offered(options), SshError);
  const log: string[] = [];
  const left = await offered({ ...options, skipUnusableKeys: true, log: (_level, text) => log.push(text) });
  assert.equal(left.length, 1);
  assert.ok(log.includes(`Trying private key: ${join(folder, 'missing')}`));
});

test('a key that cannot sign is told', async () => {
  const path = await save(first, 'locked', 'secret');
  const failures: unknown[] = [];
  const [signer] = await offered({
    identities: [path],
    agent: false,
    onKeyFailure: (_signer, error) => failures.push(error),
  });
  await assert.rejects(signer?.sign(Buffer.alloc(1), 'ssh-ed25519') ?? Promise.resolve(), { code: 'bad-passphrase' });
  assert.equal(failures.length, 1);
});

test('a key file that others can read does not sign', { skip: process.getuid === undefined }, async () => {
  const path = await save(first, 'exposed');
  for (const mode of [0o644, 0o640, 0o602]) {
    chmodSync(path, mode);
    const signer = await loadIdentity(path);
    assert.ok(signer.publicKey.equals(first.publicKey));
    await assert.rejects(
      signer.sign(Buffer.alloc(1), 'ssh-ed25519'),
      /^SshError: Permissions 06\d\d for '.*' are too open\.$/,
    );
  }
  chmodSync(path, 0o400);
  await (await loadIdentity(path)).sign(Buffer.alloc(1), 'ssh-ed25519');
});
