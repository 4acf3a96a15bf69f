import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SshError } from '../errors.ts';
import { fingerprint, signCertificate } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import type { ServerOptions } from '../server/index.ts';
import { connect } from './connect.ts';
import {
  acceptAnyHostKeyWithoutVerification,
  type HostKeyPolicy,
  type HostKeyQuestion,
  pinnedHostKeys,
  trustedHostAuthorities,
} from './host-key-policy.ts';
import { clientOptions, duplexPair, hostKey, isError, otherKey, startServer } from './live.test.kit.ts';

/** Connects under a policy; tells whether login was reached, for nothing may be sent there to a server that is refused. */
async function connectUnder(
  t: TestContext,
  hostKeys: HostKeyPolicy,
  options: Partial<ServerOptions> = {},
  host = 'memory',
) {
  let logins = 0;
  const server = startServer({ ...options, onAttempt: () => void logins++ });
  t.after(() => server.close());
  const [clientEnd, serverEnd] = duplexPair();
  void server.handle(serverEnd);
  try {
    const client = await connect({ host, user: 'ada' }, { ...clientOptions, hostKeys, stream: clientEnd });
    await client.close();
  } catch (error) {
    assert.equal(logins, 0, 'something was sent for a login');
    throw error;
  }
}

test('pinned keys: the key or its fingerprint, and nothing else', async (t) => {
  const print = fingerprint(hostKey.publicKey);
  await connectUnder(t, pinnedHostKeys(hostKey.publicKey));
  await connectUnder(t, pinnedHostKeys(print));
  await connectUnder(t, pinnedHostKeys(otherKey.publicKey, 'SHA256:nonsense', print));
  for (const policy of [
    pinnedHostKeys(),
    pinnedHostKeys(''),
    pinnedHostKeys('SHA256:'),
    pinnedHostKeys('*'),
    pinnedHostKeys(print.slice(0, -1)),
    pinnedHostKeys(`${print}=`),
    pinnedHostKeys(print.toLowerCase()),
    pinnedHostKeys(fingerprint(hostKey.publicKey, 'md5')),
    pinnedHostKeys(otherKey.publicKey),
  ]) {
    await assert.rejects(connectUnder(t, policy), isError('host-key-refused', 'host-key'));
  }
});

test('accepting anything takes a long name, and accepts anything', async (t) => {
  await connectUnder(t, acceptAnyHostKeyWithoutVerification());
});

/** Ways for a policy to fail; each must refuse (OpenSSH CVE-2025-26465 accepted on an error path). */
const failures: Record<string, () => unknown> = {
  'throws a TypeError': () => {
    throw new TypeError('undefined is not a function');
  },
  'throws out of memory': () => {
    throw new RangeError('Array buffer allocation failed');
  },
  'throws a string': () => {
    throw 'no';
  },
  'throws undefined': () => {
    throw undefined;
  },
  'throws null': () => {
    throw null;
  },
  'throws false': () => {
    throw false;
  },
  'throws an SshError of another kind': () => {
    throw new SshError('the file is gone', { code: 'bad-file', stage: 'trust' });
  },
  'rejects with an error': () => Promise.reject(new Error('no')),
  'rejects with undefined': () => Promise.reject(undefined),
  'rejects later': () => new Promise((_resolve, reject) => setImmediate(() => setImmediate(reject))),
  // biome-ignore lint/suspicious/noThenProperty: that is the point
  'gives a thenable that rejects': () => ({ then: (_accept: unknown, refuse: (error: unknown) => void) => refuse(0) }),
  'gives a thenable that throws': () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    then: () => {
      throw new Error('no');
    },
  }),
};

for (const [name, fail] of Object.entries(failures)) {
  test(`a policy that ${name} refuses`, async (t) => {
    await assert.rejects(
      connectUnder(t, { verify: fail as HostKeyPolicy['verify'] }),
      (error: unknown) => error instanceof SshError,
    );
  });
}

test('a policy that resolves accepts, whatever it resolves to: that is its contract', async (t) => {
  for (const value of [undefined, false, null, 0]) {
    await connectUnder(t, { verify: async () => value as undefined });
    await connectUnder(t, { verify: (() => value) as unknown as HostKeyPolicy['verify'] });
  }
});

test('a policy that never answers can be aborted', async (t) => {
  const server = startServer();
  t.after(() => server.close());
  const [clientEnd, serverEnd] = duplexPair();
  void server.handle(serverEnd);
  const controller = new AbortController();
  const hostKeys: HostKeyPolicy = {
    verify: () => {
      setImmediate(() => controller.abort());
      return new Promise(() => {});
    },
  };
  const connecting = connect('ada@memory', {
    ...clientOptions,
    hostKeys,
    stream: clientEnd,
    signal: controller.signal,
  });
  await assert.rejects(connecting, isError('aborted'));
});

test('the policy is asked once, with the facts', async (t) => {
  const questions: HostKeyQuestion[] = [];
  const verify = async (question: HostKeyQuestion) => void questions.push(question);
  await connectUnder(t, { verify }, {}, 'example.com');
  assert.equal(questions.length, 1);
  const [{ host, port, address, key } = {} as HostKeyQuestion] = questions;
  assert.deepEqual([host, port, address], ['example.com', 22, undefined]);
  assert.ok(key.equals(hostKey.publicKey));
});

const now = BigInt(Math.floor(Date.now() / 1000));
const certificateFor = (
  principals: readonly string[],
  more: Partial<Parameters<typeof signCertificate>[0]> = {},
  ca = otherKey,
) =>
  signCertificate(
    {
      subject: hostKey.publicKey,
      kind: 'host',
      keyId: 'test',
      principals,
      validAfter: now - 60n,
      validBefore: now + 7200n,
      ...more,
    },
    ca,
  );
const showing = (certificate: PublicKey): Partial<ServerOptions> => ({
  hostKeys: [{ signer: hostKey, certificates: [certificate] }],
});

test('host authorities: a good certificate of theirs for this host, now, and nothing else', async (t) => {
  const policy = trustedHostAuthorities(otherKey.publicKey);
  await connectUnder(t, policy, showing(await certificateFor(['memory'])));
  await connectUnder(t, policy, showing(await certificateFor(['*.example.com'])), 'www.EXAMPLE.com');
  for (const [why, certificate, host] of [
    ['another host', await certificateFor(['other']), 'memory'],
    ['a name that only begins alike', await certificateFor(['memory.example.com']), 'memory'],
    ['a pattern that does not match', await certificateFor(['*.example.com']), 'example.org'],
    ['two names in one', await certificateFor(['memory other']), 'memory'],
    ['expired', await certificateFor(['memory'], { validBefore: now - 1n }), 'memory'],
    ['not yet valid', await certificateFor(['memory'], { validAfter: now + 3600n }), 'memory'],
    ['for users', await certificateFor(['memory'], { kind: 'user' }), 'memory'],
    ['unknown critical option', await certificateFor(['memory'], { criticalOptions: { unheard: true } }), 'memory'],
    ['another authority', await certificateFor(['memory'], {}, hostKey), 'memory'],
  ] as const) {
    await assert.rejects(connectUnder(t, policy, showing(certificate), host), SshError, why);
  }
  // A plain key, be it the authority's own.
  await assert.rejects(connectUnder(t, policy), SshError);
  await assert.rejects(connectUnder(t, policy, { hostKeys: [otherKey] }), SshError);
  await assert.rejects(connectUnder(t, trustedHostAuthorities(), showing(await certificateFor(['memory']))), SshError);
});

test('a pinned key serves behind a certificate too', async (t) => {
  await connectUnder(t, pinnedHostKeys(hostKey.publicKey), showing(await certificateFor(['elsewhere'])));
});
