/** The client against scripted servers: what it must refuse, and exactly what it sends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPublicKeyAlgorithm } from '../keys/index.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { authenticateClient } from './client.ts';
import type { ClientAuthOptions } from './client-options.ts';
import { alice, hostKey, rejectsWith, rsa, scripted, second, stranger, TestLink } from './fakes.test.ts';
import { defaultSignatureAlgorithms, messages } from './index.ts';
import { algorithmsToTry } from './signature-algorithms.ts';

const failure = (methods: string[], partialSuccess = false): Buffer =>
  messages.userauthFailure.encode({ methods, partialSuccess });
const success = messages.userauthSuccess.encode({});
const pkOk = messages.userauthPkOk.encode({ algorithm: 'ssh-ed25519', blob: alice.publicKey.blob });
const ask = (...texts: string[]): Buffer =>
  messages.userauthInfoRequest.encode({
    name: Buffer.alloc(0),
    instruction: Buffer.alloc(0),
    language: Buffer.alloc(0),
    prompts: texts.map((text) => ({ text, echo: false })),
  });
const changePassword = messages.userauthPasswdChangereq.encode({ prompt: Buffer.from('expired'), language: '' });
const banner = (text: string): Buffer => messages.userauthBanner.encode({ text: Buffer.from(text), language: '' });

/** Answers to everything a server can ask. */
const everything: ClientAuthOptions = {
  user: 'alice',
  signers: [alice],
  password: async () => 'secret',
  changePassword: async () => ({ newPassword: 'new' }),
  keyboardInteractive: async ({ prompts }) => prompts.map(() => 'answer'),
};

test('the requests are those of RFC 4252 and 4256, byte for byte', async () => {
  const link = scripted(
    failure(['publickey', 'password', 'keyboard-interactive']),
    pkOk,
    failure(['password', 'keyboard-interactive'], true),
    ask('Code: '),
    failure(['password'], true),
    changePassword,
    success,
  );
  const result = await authenticateClient(link, everything);
  assert.deepEqual(result.methods, ['publickey', 'keyboard-interactive', 'password']);
  const start = (method: string): WireWriter =>
    new WireWriter().uint8(50).string('alice').string('ssh-connection').string(method);
  const key = (has: number): WireWriter =>
    start('publickey').uint8(has).string('ssh-ed25519').string(alice.publicKey.blob);
  const [none, queried, signed, interactive, answered, password, changed] = link.sent;
  assert.deepEqual(none, start('none').finish());
  assert.deepEqual(queried, key(0).finish());
  assert.deepEqual(interactive, start('keyboard-interactive').string('').string('').finish());
  assert.deepEqual(answered, new WireWriter().uint8(61).uint32(1).string('answer').finish());
  assert.deepEqual(password, start('password').uint8(0).string('secret').finish());
  assert.deepEqual(changed, start('password').uint8(1).string('secret').string('new').finish());
  assert.equal(link.sent.length, 7);
  // The signature stands at the end and covers the session id and all that is before it.
  const prefix = key(1).finish();
  assert.deepEqual(signed?.subarray(0, prefix.length), prefix);
  const signature = new WireReader((signed as Buffer).subarray(prefix.length)).string();
  const covered = new WireWriter().string(link.sessionId).fixed(prefix).finish();
  assert.ok(alice.publicKey.verify(covered, signature, 'ssh-ed25519'));
});

test('a host-bound signature covers the host key, which the query names as well', async () => {
  const link = scripted(failure(['publickey']), pkOk, success);
  link.peerExtensions.set('publickey-hostbound@openssh.com', Buffer.from('0'));
  await authenticateClient(link, everything);
  const prefix = (has: number): Buffer =>
    new WireWriter()
      .uint8(50)
      .string('alice')
      .string('ssh-connection')
      .string('publickey-hostbound-v00@openssh.com')
      .uint8(has)
      .string('ssh-ed25519')
      .string(alice.publicKey.blob)
      .string(hostKey.publicKey.blob)
      .finish();
  const [, queried, signed] = link.sent;
  assert.deepEqual(queried, prefix(0));
  assert.deepEqual(signed?.subarray(0, prefix(1).length), prefix(1));
  const signature = new WireReader((signed as Buffer).subarray(prefix(1).length)).string();
  const covered = new WireWriter().string(link.sessionId).fixed(prefix(1)).finish();
  assert.ok(alice.publicKey.verify(covered, signature, 'ssh-ed25519'));
});

test('an unknown version of the host-bound extension is not used', async () => {
  const link = scripted(failure(['publickey']), pkOk, success);
  link.peerExtensions.set('publickey-hostbound@openssh.com', Buffer.from('1'));
  await authenticateClient(link, everything);
  assert.equal(messages.userauthRequest.decode(link.sent[1] as Buffer).method, 'publickey');
});

test('in every state only its own replies are taken, whatever the number', async () => {
  const states: [name: string, before: Buffer[], takes: number[]][] = [
    ['none', [], [51, 52, 53]],
    // RFC 4252 §7: a query proves nothing, so that success is no answer to it.
    ['query', [failure(['publickey'])], [51, 53, 60]],
    ['signature', [failure(['publickey']), pkOk], [51, 52, 53]],
    ['password', [failure(['password'])], [51, 52, 53, 60]],
    ['keyboard-interactive', [failure(['keyboard-interactive'])], [51, 52, 53, 60]],
    ['answer', [failure(['keyboard-interactive']), ask('?')], [51, 52, 53, 60]],
  ];
  for (const [name, before, takes] of states) {
    for (let number = 0; number < 256; number++) {
      if (takes.includes(number)) continue;
      await rejectsWith(
        authenticateClient(scripted(...before, Buffer.from([number])), everything),
        'protocol-error',
      ).catch((error) => assert.fail(`${name}, message ${number}: ${error}`));
    }
  }
});

test('a reply cut at any byte is a bad message', async () => {
  const scripts = [
    [failure(['publickey', 'password'])],
    [failure(['publickey']), pkOk],
    [failure(['password']), changePassword],
    [failure(['keyboard-interactive']), ask('Password: ', 'Code: ')],
    [banner('hello')],
  ];
  for (const script of scripts) {
    const last = script.at(-1) as Buffer;
    for (let length = 0; length < last.length; length++) {
      const link = scripted(...script.slice(0, -1), last.subarray(0, length));
      const error = await authenticateClient(link, everything).then(
        () => assert.fail('logged in'),
        (thrown: unknown) => thrown as { code: string; name: string },
      );
      assert.equal(error.name, 'SshError');
      // Without its optional language tag a message is whole, and the link ends after it.
      const whole = last.length - length === 4 && (last === changePassword || last[0] === 53);
      assert.equal(error.code, length === 0 ? 'protocol-error' : whole ? 'connection-lost' : 'bad-message');
    }
  }
});

test('a server that takes a key which was not offered is refused', async () => {
  const other = messages.userauthPkOk.encode({ algorithm: 'ssh-ed25519', blob: second.publicKey.blob });
  await rejectsWith(
    authenticateClient(scripted(failure(['publickey']), other), everything),
    'protocol-error',
    /not offered/,
  );
});

test('a server without a last word does not keep the client going for ever', async () => {
  const endless: Record<string, (request: Buffer) => Buffer> = {
    'partial success': () => failure(['password'], true),
    'another round': (request) => (messageMethod(request) === 'none' ? failure(['keyboard-interactive']) : ask()),
    'another new password': (request) => (messageMethod(request) === 'none' ? failure(['password']) : changePassword),
  };
  for (const [name, reply] of Object.entries(endless)) {
    const link = new TestLink();
    link.onSend = (payload) => link.arrive(reply(payload));
    await rejectsWith(authenticateClient(link, everything), 'limit-exceeded');
    assert.equal(link.sent.length, 128, name);
  }
  const banners = scripted(...Array.from({ length: 200 }, () => banner('')));
  await rejectsWith(authenticateClient(banners, everything), 'limit-exceeded');
  await rejectsWith(
    authenticateClient(scripted(banner('x'.repeat(40_000)), banner('x'.repeat(40_000))), everything),
    'limit-exceeded',
  );
});

test('methods are tried in the preferred order, and only those the server lists', async () => {
  const tried = async (options: Partial<ClientAuthOptions>, methods: string[]): Promise<string[]> => {
    const link = new TestLink();
    link.onSend = () => link.arrive(failure(methods));
    await rejectsWith(
      authenticateClient(link, { ...everything, numberOfPasswordPrompts: 1, ...options }),
      'auth-failed',
      /^Permission denied \(/,
    );
    return link.sent.flatMap((payload) => messageMethod(payload) ?? []);
  };
  assert.deepEqual(await tried({}, ['password', 'keyboard-interactive', 'publickey']), [
    'none',
    'publickey',
    'keyboard-interactive',
    'password',
  ]);
  assert.deepEqual(
    await tried({ preferredMethods: ['password', 'telepathy', 'none', 'publickey'] }, ['publickey', 'password']),
    ['none', 'password', 'publickey'],
  );
  assert.deepEqual(await tried({}, ['hostbased', 'gssapi-with-mic']), ['none']);
  assert.deepEqual(await tried({ signers: [] }, ['publickey']), ['none']);
  assert.deepEqual(await tried({}, []), ['none']);
});

test('keyboard-interactive that is refused before any question is not tried again', async () => {
  let answered = 0;
  const link = scripted(...Array.from({ length: 6 }, () => failure(['keyboard-interactive'])));
  await rejectsWith(
    authenticateClient(link, { ...everything, keyboardInteractive: async () => [String(++answered)] }),
    'auth-failed',
  );
  assert.deepEqual(link.sent.map(messageMethod), ['none', 'keyboard-interactive']);
  assert.equal(answered, 0);
});

test('callbacks: too few answers are misuse, and what they throw comes out as an SshError', async () => {
  const asked = [failure(['keyboard-interactive']), ask('a', 'b')];
  await rejectsWith(
    authenticateClient(scripted(...asked), { ...everything, keyboardInteractive: async () => ['one'] }),
    'misuse',
  );
  const broken = new Error('the terminal is gone');
  const throwing = authenticateClient(scripted(failure(['password'])), {
    ...everything,
    password: () => Promise.reject(broken),
  });
  assert.equal((await rejectsWith(throwing, 'auth-failed')).cause, broken);
});

test('RSA: what the server announces decides, SHA-1 only where it is allowed', () => {
  const names = (allowed: readonly string[], announced?: string[]): string[] =>
    algorithmsToTry(rsa.publicKey, allowed, announced).map((algorithm) => algorithm.name);
  assert.deepEqual(names(defaultSignatureAlgorithms, ['ssh-rsa', 'rsa-sha2-256']), ['rsa-sha2-256']);
  assert.deepEqual(names(defaultSignatureAlgorithms, ['rsa-sha2-256', 'rsa-sha2-512']), ['rsa-sha2-512']);
  assert.deepEqual(names(['rsa-sha2-256', 'rsa-sha2-512'], ['rsa-sha2-256', 'rsa-sha2-512']), ['rsa-sha2-256']);
  assert.deepEqual(names(defaultSignatureAlgorithms, ['ssh-rsa', 'ssh-ed25519']), []);
  assert.deepEqual(names(defaultSignatureAlgorithms), ['rsa-sha2-512']);
  assert.deepEqual(names(['ssh-rsa', ...defaultSignatureAlgorithms]), ['rsa-sha2-512', 'ssh-rsa']);
  assert.deepEqual(names(['ssh-rsa']), ['ssh-rsa']);
  assert.deepEqual(names(['ssh-ed25519']), []);
  assert.deepEqual(
    algorithmsToTry(alice.publicKey, defaultSignatureAlgorithms, []).map(({ name }) => name),
    ['ssh-ed25519'],
  );
});

test('with SHA-1 allowed, a server that announces nothing is asked twice about an RSA key', async () => {
  const link = scripted(
    failure(['publickey']),
    failure(['publickey']),
    messages.userauthPkOk.encode({ algorithm: 'ssh-rsa', blob: rsa.publicKey.blob }),
    success,
  );
  await authenticateClient(link, {
    user: 'alice',
    signers: [rsa],
    signatureAlgorithms: [...defaultSignatureAlgorithms, 'ssh-rsa'],
  });
  assert.deepEqual(link.sent.slice(1).map(keyAlgorithm), ['rsa-sha2-512', 'ssh-rsa', 'ssh-rsa']);
  const sha2 = scripted(failure(['publickey']), failure(['publickey']));
  await rejectsWith(authenticateClient(sha2, { user: 'alice', signers: [rsa] }), 'auth-failed');
});

test('the default algorithms hold no SHA-1 and no DSA, and each is known', () => {
  assert.ok(!defaultSignatureAlgorithms.some((name) => /^ssh-(rsa|dss)/.test(name)));
  assert.ok(defaultSignatureAlgorithms.includes('rsa-sha2-512-cert-v01@openssh.com'));
  assert.ok(defaultSignatureAlgorithms.every((name) => findPublicKeyAlgorithm(name) !== undefined));
});

test('a refused key is not offered again after a step that succeeded', async () => {
  const link = scripted(
    failure(['publickey']),
    failure(['publickey']),
    failure(['publickey']),
    messages.userauthPkOk.encode({ algorithm: 'ssh-ed25519', blob: alice.publicKey.blob }),
    failure(['publickey'], true),
    failure(['publickey']),
  );
  await rejectsWith(
    authenticateClient(link, { user: 'alice', signers: [stranger, rsa, alice, second] }),
    'auth-failed',
  );
  assert.deepEqual(link.sent.slice(1).map(keyAlgorithm), [
    'ecdsa-sha2-nistp256',
    'rsa-sha2-512',
    'ssh-ed25519',
    'ssh-ed25519',
    'ssh-ed25519',
  ]);
});

function messageMethod(payload: Buffer): string | undefined {
  return payload[0] === 50 ? messages.userauthRequest.decode(payload).method : undefined;
}

function keyAlgorithm(payload: Buffer): string {
  const reader = new WireReader(messages.userauthRequest.decode(payload).rest);
  reader.boolean();
  return reader.ascii();
}
