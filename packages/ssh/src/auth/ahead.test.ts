/** Over a long path a key is offered behind the request "none" (RFC 4252 §5.1), to servers that answer one after the other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import type { Signer } from '../keys/types.ts';
import { ClientLogin } from './client.ts';
import type { ClientAuthOptions, ClientAuthResult } from './client-options.ts';
import {
  alice,
  knows,
  linkedPair,
  rejectsWith,
  rsa,
  second,
  serverOptions,
  type TestGrant,
  TestLink,
} from './fakes.test.ts';
import { messages } from './index.ts';
import { authenticateServer } from './server.ts';
import type { ServerAuthOptions } from './server-options.ts';

const sigAlgs = { 'server-sig-algs': 'ssh-ed25519,rsa-sha2-512,rsa-sha2-256' };

interface Path {
  readonly roundTripMs?: number;
  readonly server?: string;
  readonly extensions?: Record<string, string>;
}

function farLink(link: TestLink, { roundTripMs = 100, server = 'SSH-2.0-OpenSSH_9.2p1', extensions = sigAlgs }: Path) {
  Object.assign(link, { roundTripMs });
  link.peerIdentification = server;
  link.peerExtensions = new Map(Object.entries(extensions).map(([name, value]) => [name, Buffer.from(value)]));
  return link;
}

interface Outcome {
  /** What the client sent before any answer came: names of methods, `signed` behind those with a signature. */
  readonly ahead: string[];
  readonly all: string[];
  readonly result: ClientAuthResult | SshError;
  readonly log: string[];
}

/** A login whose server answers nothing before the client has nothing more to say. */
async function login(
  client: Partial<ClientAuthOptions>,
  server: ServerAuthOptions<TestGrant>,
  path: Path = {},
): Promise<Outcome> {
  const pair = linkedPair();
  farLink(pair.client, path);
  const log: string[] = [];
  const begun = new ClientLogin(pair.client, { user: 'alice', log: (_level, text) => void log.push(text), ...client });
  pair.client.send(begun.firstRequest());
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  const ahead = pair.client.sent.map(describe);
  const serving = authenticateServer(pair.server, server).then(
    () => {},
    () => pair.client.end(),
  );
  const result = await begun.finish().catch((error: unknown) => error as SshError);
  pair.server.end();
  await serving;
  return { ahead, all: pair.client.sent.map(describe), result, log };
}

function describe(payload: Buffer): string {
  const { method, rest } = messages.userauthRequest.decode(payload);
  return method.startsWith('publickey') && rest[0] === 1 ? `${method} signed` : method;
}

/** A key whose owner is asked before it signs, as an agent's may be. */
function asking(key: Signer): Signer {
  return { publicKey: key.publicKey, label: key.label, sign: (data, algorithm) => key.sign(data, algorithm) };
}

test('a key that signs unasked is proved behind "none"; the log is as it always is', async () => {
  const options = serverOptions({ publicKey: knows(alice) });
  const { ahead, all, result, log } = await login({ signers: [alice] }, options);
  assert.deepEqual(ahead, ['none', 'publickey signed']);
  assert.deepEqual(all, ahead);
  assert.deepEqual(result, { methods: ['publickey'], proved: true, banner: undefined });
  assert.deepEqual(
    options.attempts.map(({ method, result: verdict }) => [method, verdict]),
    [
      ['none', 'failed'],
      ['publickey', 'accepted'],
    ],
  );
  const near = await login({ signers: [alice] }, serverOptions({ publicKey: knows(alice) }), { roundTripMs: 5 });
  assert.deepEqual(near.all, ['none', 'publickey', 'publickey signed']);
  assert.deepEqual(log, near.log);
});

test('any other key is asked about behind "none", and signs once the server would take it', async () => {
  const { ahead, all, result } = await login({ signers: [asking(alice)] }, serverOptions({ publicKey: knows(alice) }));
  assert.deepEqual(ahead, ['none', 'publickey']);
  assert.deepEqual(all, ['none', 'publickey', 'publickey signed']);
  assert.deepEqual((result as ClientAuthResult).methods, ['publickey']);
  let asked = 0;
  const refused = { ...asking(second), sign: () => Promise.reject(new Error(`asked ${++asked}`)) };
  await login({ signers: [refused, alice] }, serverOptions({ publicKey: knows(alice) }));
  assert.equal(asked, 0, 'a key that the server does not know never signs');
});

test('the signature is bound to the host key where the server offers that', async () => {
  const extensions = { ...sigAlgs, 'publickey-hostbound@openssh.com': '0' };
  const { ahead, result } = await login({ signers: [alice] }, serverOptions({ publicKey: knows(alice) }), {
    extensions,
  });
  assert.deepEqual(ahead, ['none', 'publickey-hostbound-v00@openssh.com signed']);
  assert.deepEqual((result as ClientAuthResult).methods, ['publickey']);
});

test('keys that are refused cost an attempt each, as they always do, and the next one is tried', async () => {
  const options = serverOptions({ publicKey: knows(rsa), maxAttempts: 4 });
  const { all, result } = await login({ signers: [alice, asking(second), rsa] }, options);
  assert.deepEqual(all, ['none', 'publickey signed', 'publickey', 'publickey signed']);
  assert.deepEqual((result as ClientAuthResult).methods, ['publickey']);
  const none = await login({ signers: [alice, second] }, serverOptions({ publicKey: knows(rsa) }));
  const { authFailure } = none.result as SshError;
  assert.deepEqual(
    authFailure?.keys.map(({ outcome }) => outcome),
    ['refused', 'refused'],
  );
});

test('nothing goes ahead to other servers, on short paths, before the server’s word on algorithms, or where keys are not first', async () => {
  const server = () => serverOptions({ publicKey: knows(alice) });
  const paths: Path[] = [
    { server: 'SSH-2.0-Go' },
    { server: 'SSH-2.0-libssh_0.11.1' },
    { server: 'SSH-2.0-XOpenSSH_9.2' },
    { roundTripMs: 29 },
    { extensions: {} },
  ];
  for (const path of paths) {
    const { ahead, result } = await login({ signers: [alice] }, server(), path);
    assert.deepEqual(ahead, ['none'], JSON.stringify(path));
    assert.deepEqual((result as ClientAuthResult).methods, ['publickey']);
  }
  const others: Partial<ClientAuthOptions>[] = [
    { preferredMethods: ['password', 'publickey'], password: async () => undefined },
    { hostBased: async () => undefined },
  ];
  for (const options of others) {
    const { ahead, result } = await login({ signers: [alice], ...options }, server());
    assert.deepEqual(ahead, ['none']);
    assert.deepEqual((result as ClientAuthResult).methods, ['publickey']);
  }
  for (const preferredMethods of [['password'], []]) {
    const { all, result } = await login({ signers: [alice], preferredMethods }, server());
    assert.deepEqual(all, ['none']);
    assert.equal((result as SshError).code, 'auth-failed');
  }
});

test('a server that wants no key answers nevertheless, and other methods follow', async () => {
  const options = serverOptions({
    password: async ({ password }) => (password === 'secret' ? { by: 'word' } : undefined),
  });
  const { ahead, all, result } = await login({ signers: [alice], password: async () => 'secret' }, options);
  assert.deepEqual(ahead, ['none', 'publickey signed']);
  assert.deepEqual(all, [...ahead, 'password']);
  assert.deepEqual((result as ClientAuthResult).methods, ['password']);
});

test('a server that lets in without a proof has been given none, whatever was sent (Dropbear CVE-2021-36369)', async () => {
  const open = () => serverOptions({ none: async () => ({ by: 'nobody asked' }), publicKey: knows(alice) });
  const { ahead, result } = await login({ signers: [alice] }, open());
  assert.deepEqual(ahead, ['none', 'publickey signed']);
  assert.deepEqual(result, { methods: ['none'], proved: false, banner: undefined });
  const strict = await login({ signers: [alice], requireMethod: true }, open());
  assert.match((strict.result as SshError).message, /without asking/);
});

test('nothing is sent after the server has let us in', async () => {
  const link = farLink(new TestLink(), {});
  let give: (signer: Signer) => void = () => {};
  const late = new Promise<Signer>((resolve) => {
    give = resolve;
  });
  async function* signers() {
    yield await late;
  }
  const begun = new ClientLogin(link, { user: 'alice', signers: signers() });
  link.send(begun.firstRequest());
  link.arrive(messages.userauthSuccess.encode({}));
  const finished = begun.finish();
  // Its keys are closed with the login, which waits for the one that is being made ready.
  await new Promise((resolve) => setImmediate(resolve));
  give(alice);
  assert.deepEqual((await finished).methods, ['none']);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(link.sent.map(describe), ['none']);
});

test('keys that cannot be read are told of where the server wants keys, and nowhere else', async () => {
  const fail = () => Promise.reject(new SshError('no such key file', { code: 'bad-file', stage: 'key' }));
  const broken = () => ({ [Symbol.asyncIterator]: () => ({ next: fail }) });
  const wanted = await login({ signers: broken() }, serverOptions({ publicKey: knows(alice) }));
  assert.equal((wanted.result as SshError).code, 'bad-file');
  const password = { password: async () => ({ by: 'word' }) };
  const unwanted = await login({ signers: broken(), password: async () => 'secret' }, serverOptions(password));
  assert.deepEqual((unwanted.result as ClientAuthResult).methods, ['password']);
});

test('a login that is given up sends nothing more', async () => {
  const controller = new AbortController();
  const link = farLink(new TestLink(), {});
  let give: (signer: Signer) => void = () => {};
  async function* signers() {
    yield await new Promise<Signer>((resolve) => {
      give = resolve;
    });
  }
  const begun = new ClientLogin(link, { user: 'alice', signers: signers(), signal: controller.signal });
  link.send(begun.firstRequest());
  controller.abort();
  const failed = rejectsWith(begun.finish(), 'aborted');
  await new Promise((resolve) => setImmediate(resolve));
  give(alice);
  await failed;
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(link.sent.map(describe), ['none']);
});
