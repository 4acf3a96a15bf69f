/** The agent client against OpenSSH's ssh-agent and ssh-add. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { agentSigners, createAgentClient } from '@nacre/ssh/agent';
import { SshError } from '@nacre/ssh/errors';
import { generateKey, parsePrivateKey, parsePublicKey } from '@nacre/ssh/keys';

const run = promisify(execFile);
const hasAgent = await run('ssh-add', ['-h']).then(
  () => true,
  (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
);
const skip = hasAgent ? false : 'ssh-agent and ssh-add are not installed';
const types = ['ed25519', 'rsa', 'ecdsa'];

let folder = '';
let agent: ReturnType<typeof spawn> | undefined;
const socket = () => join(folder, 'agent.sock');
const sshAdd = (...args: string[]) => run('ssh-add', args, { env: { ...process.env, SSH_AUTH_SOCK: socket() } });

async function openClient() {
  const stream = connect(socket());
  await new Promise((resolve, reject) => stream.once('connect', resolve).once('error', reject));
  return createAgentClient(stream);
}

before(async () => {
  if (!hasAgent) return;
  folder = await mkdtemp(join(tmpdir(), 'nacre-agent-'));
  agent = spawn('ssh-agent', ['-D', '-a', socket()], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => agent?.stdout?.once('data', resolve));
  for (const type of types) {
    const bits = type === 'rsa' ? ['-b', '2048'] : [];
    await run('ssh-keygen', ['-q', '-t', type, ...bits, '-N', '', '-C', `${type} key`, '-f', join(folder, type)]);
  }
  const key = join(folder, 'ed25519');
  await run('ssh-keygen', ['-q', '-s', join(folder, 'ecdsa'), '-I', 'id', '-n', 'alice', `${key}.pub`]);
  for (const type of types) await sshAdd('-q', join(folder, type));
});

after(async () => {
  agent?.kill();
  if (folder !== '') await rm(folder, { recursive: true });
});

test('lists the keys that ssh-add loaded, certificates among them', { skip }, async () => {
  using client = await openClient();
  const identities = await client.list();
  assert.deepEqual(
    identities.map(({ type, comment }) => [type, comment]),
    [
      ['ssh-ed25519', 'ed25519 key'],
      ['ssh-ed25519-cert-v01@openssh.com', 'ed25519 key'],
      ['ssh-rsa', 'rsa key'],
      ['ecdsa-sha2-nistp256', 'ecdsa key'],
    ],
  );
  const file = await readFile(join(folder, 'rsa.pub'), 'utf8');
  assert.equal(identities[2]?.key?.equals(parsePublicKey(file).key), true);
});

test('signs with every key and every algorithm of it', { skip }, async () => {
  using client = await openClient();
  const data = Buffer.from('to be signed');
  const signed: string[] = [];
  for (const signer of await agentSigners(client)) {
    const { plain } = signer.publicKey;
    for (const algorithm of plain.signatureAlgorithms) {
      const signature = await signer.sign(data, algorithm);
      assert.equal(plain.verify(data, signature, algorithm), true, `${signer.publicKey.type} ${algorithm}`);
      assert.equal(plain.verify(Buffer.from('other'), signature, algorithm), false);
      signed.push(algorithm);
    }
  }
  for (const algorithm of ['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256', 'ecdsa-sha2-nistp256']) {
    assert.ok(signed.includes(algorithm), algorithm);
  }
});

test('many calls at once, some given up, are answered in order', { skip }, async () => {
  using client = await openClient();
  const [signer] = await agentSigners(client);
  assert.ok(signer !== undefined);
  const calls = Array.from({ length: 40 }, async (_, at) => {
    const data = Buffer.from(`call ${at}`);
    const options = at % 5 === 0 ? { signal: AbortSignal.abort() } : {};
    const signature = await signer.sign(data, 'ssh-ed25519', options);
    return signer.publicKey.verify(data, signature, 'ssh-ed25519');
  });
  const results = await Promise.allSettled(calls);
  assert.equal(results.filter((result) => result.status === 'fulfilled' && result.value).length, 32);
});

test('adds, removes, locks and unlocks', { skip }, async () => {
  using client = await openClient();
  const ours = await generateKey('ssh-ed25519', { comment: 'made here' });
  await client.add(ours);
  assert.match((await sshAdd('-L')).stdout, /made here/);
  const rsa = await parsePrivateKey(await readFile(join(folder, 'rsa')));
  await client.add(rsa, { comment: 'for a while', constraints: { lifetimeSeconds: 600 } });
  assert.match((await sshAdd('-L')).stdout, /for a while/);
  await client.remove(ours.publicKey);
  assert.doesNotMatch((await sshAdd('-L')).stdout, /made here/);
  await client.lock('secret');
  assert.deepEqual(await client.list(), []);
  await assert.rejects(
    client.sign(rsa.publicKey, Buffer.from('x'), 'rsa-sha2-256'),
    (error: unknown) => error instanceof SshError && error.code === 'agent-refused',
  );
  await assert.rejects(client.unlock('wrong'), SshError);
  await client.unlock('secret');
  assert.equal((await client.list()).length, 4);
});

test('binds a session that its host key signed, refuses one that it did not', { skip }, async () => {
  using client = await openClient();
  const host = await generateKey('ssh-ed25519');
  const sessionId = Buffer.alloc(32, 5);
  const signature = await host.sign(sessionId, 'ssh-ed25519');
  const binding = { hostKey: host.publicKey, sessionId, signature, forwarding: false };
  assert.equal(await client.bindSession({ ...binding, sessionId: Buffer.alloc(32, 6) }), false);
  assert.equal(await client.bindSession(binding), true);
});

test('every call fails when the agent goes away', { skip }, async () => {
  using client = await openClient();
  await client.removeAll();
  assert.deepEqual(await client.list(), []);
  agent?.kill();
  const ended = (error: unknown) => error instanceof SshError && error.code === 'agent-unavailable';
  await new Promise((resolve) => agent?.once('exit', resolve));
  await assert.rejects(async () => {
    for (;;) await client.list();
  }, ended);
});
