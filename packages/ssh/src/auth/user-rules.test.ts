/** Rules of one user: settled once with the first name, and in force from then on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { authenticateClient } from './client.ts';
import { alice, knows, linkedPair, rejectsWith, serverOptions } from './fakes.test.ts';
import { login, refusedLogin } from './login.test.ts';
import { authenticateServer } from './server.ts';

test('methods, lists, tries and banner are those of the user, asked for once', async () => {
  const asked: string[] = [];
  const shown: string[] = [];
  const options = serverOptions({
    publicKey: knows(alice),
    password: async () => ({ by: 'password' }),
    banner: 'for everybody',
    rulesFor: async (user) => {
      asked.push(user);
      return {
        methods: ['publickey', 'password'],
        requiredMethods: [['publickey', 'password']],
        banner: `for ${user}`,
      };
    },
  });
  const result = await login(
    { signers: [alice], password: async () => 'x', onBanner: (text) => void shown.push(text) },
    options,
  );
  assert.deepEqual(result.client.methods, ['publickey', 'password']);
  assert.deepEqual([asked, shown], [['alice'], ['for alice']]);
});

test('a method that is switched off for the user is not even asked', async () => {
  const options = serverOptions({
    publicKey: () => assert.fail('asked'),
    password: async () => undefined,
    rulesFor: async () => ({ methods: ['password'], maxAttempts: 2 }),
  });
  await refusedLogin({ signers: [alice] }, options);
  const pair = linkedPair();
  const client = authenticateClient(pair.client, {
    user: 'alice',
    password: async () => 'x',
    numberOfPasswordPrompts: 10,
  });
  await rejectsWith(authenticateServer(pair.server, options), 'auth-failed', /Too many/);
  pair.client.end();
  await rejectsWith(client, 'connection-lost');
});

test('rules by which nobody could log in, or that cannot be had, end the connection', async () => {
  for (const [rulesFor, code] of [
    [async () => ({ methods: [], requiredMethods: [['publickey']] }), 'misuse'],
    [() => Promise.reject(new SshError('go away', { code: 'closed', stage: 'auth' })), 'closed'],
    [() => Promise.reject(new Error('a bug')), 'misuse'],
  ] as const) {
    const pair = linkedPair();
    const client = authenticateClient(pair.client, { user: 'alice', signers: [alice] });
    await rejectsWith(authenticateServer(pair.server, serverOptions({ publicKey: knows(alice), rulesFor })), code);
    pair.client.end();
    await rejectsWith(client, 'connection-lost');
  }
});
