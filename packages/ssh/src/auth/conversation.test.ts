/** Client against server over links in memory: every method, and several of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Signer } from '../keys/types.ts';
import { authenticateClient } from './client.ts';
import {
  alice,
  knows,
  linkedPair,
  nameOf,
  otherHostKey,
  rejectsWith,
  rsa,
  second,
  serverOptions,
  stranger,
} from './fakes.test.ts';
import { messages } from './index.ts';
import { hostBoundExtension, login, refusedLogin } from './login.test.ts';
import { authenticateServer } from './server.ts';

test('a key logs in, with and without binding to the host key', async () => {
  for (const extensions of [{}, hostBoundExtension]) {
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
    const method = extensions === hostBoundExtension ? 'publickey-hostbound-v00@openssh.com' : 'publickey';
    assert.deepEqual(used, ['none', method, method, method]);
    assert.deepEqual(
      options.attempts.map(({ result }) => result),
      ['failed', 'failed', 'answered', 'accepted'],
    );
  }
});

test('every key type that can be made logs in', async () => {
  for (const key of [alice, stranger, rsa]) {
    await login({ signers: [key] }, serverOptions({ publicKey: knows(key) }), hostBoundExtension);
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
  await login(
    { signers: [alice], hostBound: 'always' },
    serverOptions({ publicKey: knows(alice) }),
    hostBoundExtension,
  );
  const plain = await login(
    { signers: [alice], hostBound: 'never' },
    serverOptions({ publicKey: knows(alice) }),
    hostBoundExtension,
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
  const result = await login({ signers: [alice, stranger, second] }, both, hostBoundExtension);
  assert.deepEqual(result.client.methods, ['publickey', 'publickey']);
  assert.deepEqual(result.server.grant, { by: 'alice+second' });
  assert.equal(result.server.keys.length, 2);
  await refusedLogin(
    { signers: [alice, alice] },
    serverOptions({ publicKey: knows(alice), requiredMethods: [['publickey', 'publickey']] }),
  );
});
