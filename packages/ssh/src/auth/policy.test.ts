/** Client against server: what either side refuses or stops, whatever the method. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authenticateClient } from './client.ts';
import { alice, knows, linkedPair, rejectsWith, serverOptions, type TestGrant } from './fakes.test.ts';
import { login, refusedLogin } from './login.test.ts';
import { authenticateServer } from './server.ts';
import { LoginEnd, type ServerAuthOptions } from './server-options.ts';

test('too many failures end the connection in OpenSSH’s words; the first "none" is free', async () => {
  const pair = linkedPair();
  const options = serverOptions({ password: async () => undefined, maxAttempts: 3 });
  const client = authenticateClient(pair.client, {
    user: 'alice',
    password: async () => 'x',
    numberOfPasswordPrompts: 10,
  });
  const error = await rejectsWith(
    authenticateServer(pair.server, options),
    'auth-failed',
    /^Too many authentication failures$/,
  );
  assert.equal(error.disconnect, 2);
  assert.equal(pair.client.sent.length, 4);
  pair.client.end();
  await rejectsWith(client, 'connection-lost');
});

test('a banner is shown once, made harmless', async () => {
  const shown: string[] = [];
  const options = serverOptions({ publicKey: knows(alice), banner: (user) => `Hello ${user}\r\n\x1b]0;title\x07` });
  const result = await login({ signers: [alice], onBanner: (text) => void shown.push(text) }, options);
  assert.deepEqual(shown, ['Hello alice\n\\033]0;title\\007']);
  assert.equal(result.client.banner, shown[0]);
});

test('"none" lets in only where the server has a handler for it, and the client can refuse that', async () => {
  const open = { none: async () => ({ by: 'nobody asked' }) };
  const result = await login({ signers: [alice] }, serverOptions(open));
  assert.deepEqual(result.client, { methods: ['none'], proved: false, banner: undefined });
  const pair = linkedPair();
  const serving = authenticateServer(pair.server, serverOptions(open));
  await rejectsWith(
    authenticateClient(pair.client, { user: 'alice', requireMethod: true }),
    'auth-failed',
    /without asking/,
  );
  await serving;
});

test('requireMethod also refuses a dialogue without a question', async () => {
  const pair = linkedPair();
  const options = serverOptions({
    keyboardInteractive: async (_request, ask) => {
      await ask([]);
      return { by: 'nothing' };
    },
  });
  const serving = authenticateServer(pair.server, options);
  const client = authenticateClient(pair.client, {
    user: 'alice',
    requireMethod: true,
    keyboardInteractive: async () => [],
  });
  await rejectsWith(client, 'auth-failed', /without asking/);
  await serving;
  await login({ requireMethod: true, signers: [alice] }, serverOptions({ publicKey: knows(alice) }));
});

test('the gate has the last word on every method', async () => {
  const methods: Partial<ServerAuthOptions<TestGrant>>[] = [
    { publicKey: knows(alice) },
    { password: async () => ({ by: 'password' }) },
    { keyboardInteractive: async () => ({ by: 'dialogue' }) },
    { none: async () => ({ by: 'none' }) },
  ];
  const client = { signers: [alice], password: async () => 'x', keyboardInteractive: async () => [] };
  for (const method of methods) {
    await refusedLogin(client, serverOptions({ ...method, gate: async () => undefined }));
    await refusedLogin(client, serverOptions({ ...method, gate: () => Promise.reject(new Error('database gone')) }));
    await refusedLogin(
      client,
      serverOptions({
        ...method,
        merge: () => {
          throw new Error('ambiguous');
        },
      }),
    );
    const narrowed = await login(client, serverOptions({ ...method, gate: async () => ({ by: 'the gate' }) }));
    assert.deepEqual(narrowed.server.grant, { by: 'the gate' });
  }
});

test('a refusal for good ends the connection, after what is to be said', async () => {
  const shown: string[] = [];
  const attempts: string[] = [];
  const pair = linkedPair();
  const options = serverOptions({
    password: async () => ({ by: 'password' }),
    gate: async () => new LoginEnd('expired'),
    onAttempt: ({ method, result }) => void attempts.push(`${method} ${result}`),
  });
  const client = authenticateClient(pair.client, {
    user: 'alice',
    password: async () => 'x',
    numberOfPasswordPrompts: 10,
    onBanner: (text) => void shown.push(text),
  });
  await rejectsWith(authenticateServer(pair.server, options), 'permission-denied');
  pair.client.end();
  await rejectsWith(client, 'connection-lost');
  assert.deepEqual(attempts, ['none failed', 'password failed']);
  assert.deepEqual(shown, ['expired']);
});

test('last words come before the success', async () => {
  const shown: string[] = [];
  await login(
    { password: async () => 'x', onBanner: (text) => void shown.push(text) },
    serverOptions({ password: async () => ({ by: 'password' }), lastWords: ({ user }) => `welcome ${user}` }),
  );
  assert.equal(shown.length, 1);
  assert.match(shown[0] ?? '', /^welcome /);
});

test('a handler that throws refuses', async () => {
  const fail = (): never => {
    throw new Error('database gone');
  };
  const options = serverOptions({ publicKey: fail, password: fail, keyboardInteractive: fail });
  await refusedLogin({ signers: [alice], password: async () => 'x', keyboardInteractive: async () => [] }, options);
  const failed = options.attempts.slice(1);
  assert.ok(failed.length >= 3 && failed.every(({ result, error }) => result === 'failed' && error instanceof Error));
});

test('what an abandoned handler throws later is not laid to the next request', async () => {
  const options = serverOptions({
    keyboardInteractive: async (_request, ask) => ({ by: (await ask([{ text: '?', echo: true }]))[0] ?? '' }),
    password: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return { by: 'password' };
    },
  });
  await login({ keyboardInteractive: async () => undefined, password: async () => 'x' }, options);
  assert.deepEqual(
    options.attempts.map(({ result, error }) => [result, error]),
    [
      ['failed', undefined],
      ['abandoned', undefined],
      ['accepted', undefined],
    ],
  );
});

test('an abort ends the client while it waits for the server, for a prompt and for a signer', async () => {
  const silent = linkedPair();
  const controller = new AbortController();
  const waiting = authenticateClient(silent.client, { user: 'alice', signal: controller.signal });
  controller.abort();
  await rejectsWith(waiting, 'aborted');

  for (const client of [
    { password: () => new Promise<never>(() => undefined) },
    { signers: [{ publicKey: alice.publicKey, label: 'stuck', sign: () => new Promise<never>(() => undefined) }] },
  ]) {
    const pair = linkedPair();
    const serving = authenticateServer(
      pair.server,
      serverOptions({ publicKey: knows(alice), password: async () => undefined }),
    );
    const abort = new AbortController();
    const logging = authenticateClient(pair.client, { user: 'alice', signal: abort.signal, ...client });
    setImmediate(() => abort.abort());
    await rejectsWith(logging, 'aborted');
    pair.server.end();
    await rejectsWith(serving, 'connection-lost');
  }
});
