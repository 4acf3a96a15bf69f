/** Client against server over links in memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Signer } from '../keys/types.ts';
import { authenticateClient } from './client.ts';
import type { ClientAuthOptions, ClientAuthResult } from './client-options.ts';
import {
  alice,
  hostKey,
  knows,
  linkedPair,
  nameOf,
  otherHostKey,
  rejectsWith,
  rsa,
  second,
  serverOptions,
  stranger,
  type TestGrant,
} from './fakes.test.ts';
import { messages } from './index.ts';
import { authenticateServer } from './server.ts';
import type { ServerAuthOptions, ServerAuthResult } from './server-options.ts';

const hostBound = { 'publickey-hostbound@openssh.com': '0' };

async function login(
  client: Partial<ClientAuthOptions>,
  server: ServerAuthOptions<TestGrant>,
  extensions: Record<string, string> = {},
): Promise<{ client: ClientAuthResult; server: ServerAuthResult<TestGrant>; requests: Buffer[]; replies: Buffer[] }> {
  const pair = linkedPair();
  pair.client.peerExtensions = new Map(Object.entries(extensions).map(([name, value]) => [name, Buffer.from(value)]));
  const serving = authenticateServer(pair.server, server);
  serving.catch(() => pair.client.end());
  const [clientResult, serverResult] = await Promise.all([
    authenticateClient(pair.client, { user: 'alice', ...client }).catch((error: unknown) => {
      pair.server.end();
      throw error;
    }),
    serving.catch((error: unknown) => {
      throw error;
    }),
  ]);
  return { client: clientResult, server: serverResult, requests: pair.client.sent, replies: pair.server.sent };
}

/** The client's error of a login that fails. */
async function refusedLogin(
  client: Partial<ClientAuthOptions>,
  server: ServerAuthOptions<TestGrant>,
  extensions = {},
): Promise<Error> {
  const pair = linkedPair();
  pair.client.peerExtensions = new Map(
    Object.entries(extensions).map(([name, value]) => [name, Buffer.from(String(value))]),
  );
  const serving = authenticateServer(pair.server, server).then(
    () => assert.fail('the server let the client in'),
    () => pair.client.end(),
  );
  const error = await rejectsWith(authenticateClient(pair.client, { user: 'alice', ...client }), 'auth-failed');
  pair.server.end();
  await serving;
  return error;
}

test('a key logs in, with and without binding to the host key', async () => {
  for (const extensions of [{}, hostBound]) {
    const options = serverOptions({ publicKey: knows(alice) });
    const result = await login({ signers: [stranger, alice] }, options, extensions);
    assert.deepEqual(result.client, { methods: ['publickey'], proved: true, banner: undefined });
    assert.deepEqual(result.server.grant, { by: 'alice' });
    assert.deepEqual(result.server.methods, ['publickey']);
    assert.deepEqual(
      result.server.keys.map((key) => nameOf(key.blob)),
      ['alice'],
    );
    const used = result.requests.map((payload) => messages.userauthRequest.decode(payload).method);
    const method = extensions === hostBound ? 'publickey-hostbound-v00@openssh.com' : 'publickey';
    assert.deepEqual(used, ['none', method, method, method]);
    assert.deepEqual(
      options.attempts.map(({ result }) => result),
      ['failed', 'failed', 'answered', 'accepted'],
    );
  }
});

test('every key type that can be made logs in', async () => {
  for (const key of [alice, stranger, rsa]) {
    await login({ signers: [key] }, serverOptions({ publicKey: knows(key) }), hostBound);
    await login({ signers: [key] }, serverOptions({ publicKey: knows(key) }), {
      'server-sig-algs': 'ssh-ed25519,rsa-sha2-256',
    });
  }
});

test('a signature bound to another host key is refused', async () => {
  const pair = linkedPair();
  pair.client.peerExtensions = new Map([['publickey-hostbound@openssh.com', Buffer.from('0')]]);
  pair.client.hostKey = otherHostKey.publicKey;
  const options = serverOptions({ publicKey: knows(alice) });
  const serving = authenticateServer(pair.server, options);
  await rejectsWith(
    authenticateClient(pair.client, { user: 'alice', signers: [alice] }),
    'auth-failed',
    /Permission denied \(publickey\)\./,
  );
  pair.server.end();
  await rejectsWith(serving, 'connection-lost');
  assert.match(options.attempts.at(-1)?.reason ?? '', /another host key/);
});

test('host-bound "always" keeps keys away from servers that do not offer it', async () => {
  const options = serverOptions({ publicKey: knows(alice) });
  await refusedLogin({ signers: [alice], hostBound: 'always' }, options);
  assert.equal(options.attempts.length, 1);
  await login({ signers: [alice], hostBound: 'always' }, serverOptions({ publicKey: knows(alice) }), hostBound);
  const plain = await login(
    { signers: [alice], hostBound: 'never' },
    serverOptions({ publicKey: knows(alice) }),
    hostBound,
  );
  assert.equal(messages.userauthRequest.decode(plain.requests.at(-1) as Buffer).method, 'publickey');
});

test('a signer is asked to sign only after the server took its key, and the list is read only as far as needed', async () => {
  const events: string[] = [];
  const watched = (key: Signer): Signer => ({
    publicKey: key.publicKey,
    label: nameOf(key.publicKey.blob),
    sign: (data, algorithm) => {
      events.push(`sign ${nameOf(key.publicKey.blob)}`);
      return key.sign(data, algorithm);
    },
  });
  async function* signers(): AsyncGenerator<Signer> {
    try {
      for (const key of [stranger, alice, second]) {
        events.push(`list ${nameOf(key.publicKey.blob)}`);
        yield watched(key);
      }
    } finally {
      events.push('closed');
    }
  }
  await login({ signers: signers() }, serverOptions({ publicKey: knows(alice, second) }));
  assert.deepEqual(events, ['list stranger', 'list alice', 'sign alice', 'closed']);
});

test('a signer that fails makes room for the next key; the same key is offered once', async () => {
  const broken: Signer = {
    publicKey: second.publicKey,
    label: 'broken',
    sign: () => Promise.reject(new Error('no passphrase')),
  };
  const log: string[] = [];
  const options = serverOptions({ publicKey: knows(alice, second) });
  await login(
    { signers: [stranger, stranger, broken, second, alice], log: (_level, text) => void log.push(text) },
    options,
  );
  assert.deepEqual(
    options.attempts.map(({ key, result }) => `${key === undefined ? '-' : nameOf(key.blob)} ${result}`),
    ['- failed', 'stranger failed', 'second answered', 'alice answered', 'alice accepted'],
  );
  assert.ok(log.some((line) => line.includes('broken: no passphrase')));
});

test('a password, wrong twice', async () => {
  const attempts: number[] = [];
  const failures: string[] = [];
  const options = serverOptions({
    password: async ({ password }) => (password === 'right' ? { by: 'password' } : undefined),
  });
  const result = await login(
    {
      password: async ({ attempt }) => {
        attempts.push(attempt);
        return attempt === 3 ? 'right' : 'wrong';
      },
      onFailure: (methods, partial) => void failures.push(`${methods} ${partial}`),
    },
    options,
  );
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.deepEqual(failures, ['password false', 'password false', 'password false']);
  assert.deepEqual(result.server.grant, { by: 'password' });
});

test('the client gives up after its number of password prompts, and says what the server would take', async () => {
  let asked = 0;
  const options = serverOptions({ publicKey: knows(alice), password: async () => undefined });
  const error = await refusedLogin({ password: async () => `${++asked}`, numberOfPasswordPrompts: 2 }, options);
  assert.equal(asked, 2);
  assert.equal(error.message, 'Permission denied (publickey,password).');
});

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

test('an expired password is changed, with a second try for the new one', async () => {
  const seen: unknown[] = [];
  const options = serverOptions({
    password: async ({ password, newPassword }) => {
      seen.push([password, newPassword]);
      if (password !== 'old') return undefined;
      if (newPassword === undefined) return { changePrompt: 'Choose\x1b a new one' };
      return newPassword === 'short' ? { changePrompt: 'Longer' } : { by: 'changed' };
    },
  });
  const prompts: string[] = [];
  const result = await login(
    {
      password: async () => 'old',
      changePassword: async ({ prompt, attempt }) => {
        prompts.push(prompt);
        return { newPassword: attempt === 1 ? 'short' : 'long enough' };
      },
    },
    options,
  );
  assert.deepEqual(prompts, ['Choose\\033 a new one', 'Longer']);
  assert.deepEqual(seen, [
    ['old', undefined],
    ['old', 'short'],
    ['old', 'long enough'],
  ]);
  assert.deepEqual(result.server.grant, { by: 'changed' });
  await refusedLogin({ password: async () => 'old' }, serverOptions({ password: async () => ({ changePrompt: 'x' }) }));
});

test('keyboard-interactive in several rounds, one of them without prompts', async () => {
  const options = serverOptions({
    keyboardInteractive: async ({ devices }, ask) => {
      assert.deepEqual(devices, ['otp', 'pam']);
      const [secret] = await ask([{ text: 'Password: ', echo: false }], {
        name: 'Login',
        instruction: 'line\x07\nline',
      });
      if (secret !== 'right') return undefined;
      assert.deepEqual(await ask([], { instruction: 'nearly there' }), []);
      const codes = await ask([
        { text: 'Code: ', echo: true },
        { text: 'Again: ', echo: true },
      ]);
      return codes.join() === '1,2' ? { by: 'codes' } : undefined;
    },
  });
  const rounds: unknown[] = [];
  const result = await login(
    {
      keyboardInteractiveDevices: ['otp', 'pam'],
      keyboardInteractive: async ({ name, instruction, prompts }) => {
        rounds.push([name, instruction, prompts.length]);
        return prompts.length === 1 ? ['right'] : prompts.map((_, i) => String(i + 1));
      },
    },
    options,
  );
  assert.deepEqual(rounds, [
    ['Login', 'line\\007\nline', 1],
    ['', 'nearly there', 0],
    ['', '', 2],
  ]);
  assert.deepEqual(result.server.grant, { by: 'codes' });
});

test('a dialogue that the person leaves is abandoned for the next method, and its handler cannot grant any more', async () => {
  let rejected = false;
  const options = serverOptions({
    keyboardInteractive: async (_request, ask) => {
      await ask([{ text: 'Password: ', echo: false }]).catch(() => {
        rejected = true;
      });
      return { by: 'a handler that ignores rejections' };
    },
    password: async () => ({ by: 'password' }),
  });
  const result = await login({ keyboardInteractive: async () => undefined, password: async () => 'x' }, options);
  assert.ok(rejected);
  assert.deepEqual(result.server.grant, { by: 'password' });
  assert.deepEqual(
    options.attempts.map(({ result }) => result),
    ['failed', 'abandoned', 'accepted'],
  );
});

test('a key and then a second factor: partial success goes on with what remains', async () => {
  const options = serverOptions({
    publicKey: knows(alice),
    keyboardInteractive: async (_request, ask) =>
      (await ask([{ text: 'Code: ', echo: true }]))[0] === '42' ? { by: 'code' } : undefined,
    requiredMethods: [['publickey', 'keyboard-interactive']],
  });
  const failures: string[] = [];
  const result = await login(
    {
      signers: [stranger, alice, second],
      keyboardInteractive: async () => ['42'],
      onFailure: (methods, partial) => void failures.push(`${methods} ${partial}`),
    },
    options,
  );
  assert.deepEqual(failures, ['publickey false', 'publickey false', 'keyboard-interactive true']);
  assert.deepEqual(result.client.methods, ['publickey', 'keyboard-interactive']);
  // Go CVE-2026-39828: the grants of both steps reach the gate.
  assert.deepEqual(result.server.grant, { by: 'alice+code' });
});

test('two keys are two keys: the first one again does not count, and the client goes on to the second', async () => {
  const both = serverOptions({ publicKey: knows(alice, second), requiredMethods: [['publickey', 'publickey']] });
  const result = await login({ signers: [alice, stranger, second] }, both, hostBound);
  assert.deepEqual(result.client.methods, ['publickey', 'publickey']);
  assert.deepEqual(result.server.grant, { by: 'alice+second' });
  assert.equal(result.server.keys.length, 2);
  await refusedLogin(
    { signers: [alice, alice] },
    serverOptions({ publicKey: knows(alice), requiredMethods: [['publickey', 'publickey']] }),
  );
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

test('a handler that throws refuses', async () => {
  const fail = (): never => {
    throw new Error('database gone');
  };
  const options = serverOptions({ publicKey: fail, password: fail, keyboardInteractive: fail });
  await refusedLogin({ signers: [alice], password: async () => 'x', keyboardInteractive: async () => [] }, options);
  const failed = options.attempts.slice(1);
  assert.ok(failed.length >= 3 && failed.every(({ result, error }) => result === 'failed' && error instanceof Error));
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

test('the host key in use is the one of the link', () => {
  assert.ok(linkedPair().client.hostKey.equals(hostKey.publicKey));
});
