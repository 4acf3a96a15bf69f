/** The server’s side of publickey: signatures, queries, algorithms, certificates and security keys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash } from '../../crypto/hash.ts';
import {
  createSecurityKeySigner,
  decodePublicKey,
  signCertificate,
  type VerifyOptions,
  withCertificate,
} from '../../keys/index.ts';
import type { Signer } from '../../keys/types.ts';
import { WireReader, WireWriter } from '../../wire/index.ts';
import {
  alice,
  hostKey,
  knows,
  nameOf,
  otherHostKey,
  rsa,
  scripted,
  second,
  serverOptions,
  stranger,
  type TestGrant,
} from '../fakes.test.ts';
import { defaultSignatureAlgorithms, messages } from '../index.ts';
import { login, refusedLogin } from '../login.test.ts';
import { accept, hostBound, query, refuse, signed } from '../scripts.test.ts';
import { authenticateServer } from '../server.ts';
import type { ServerAuthOptions } from '../server-options.ts';
import { algorithmsToTry } from '../signature-algorithms.ts';

test('a signature over exactly the fields of RFC 4252 §7 logs in', async () => {
  assert.deepEqual(await accept(serverOptions({ publicKey: knows(alice) }), await signed(alice)), { by: 'alice' });
  const bound = await signed(alice, { method: hostBound, host: hostKey.publicKey.blob });
  assert.deepEqual(await accept(serverOptions({ publicKey: knows(alice) }), bound), { by: 'alice' });
  for (const algorithm of ['rsa-sha2-256', 'rsa-sha2-512']) {
    await accept(serverOptions({ publicKey: knows(rsa) }), await signed(rsa, { algorithm }));
  }
});

test('a signature over anything else is refused', async () => {
  const host = hostKey.publicKey.blob;
  const other = otherHostKey.publicKey.blob;
  const scripts = [
    await signed(alice, {}, { user: 'root' }),
    await signed(alice, {}, { service: 'ssh-other' }),
    await signed(alice, {}, { method: hostBound }),
    await signed(alice, {}, { algorithm: 'ssh-rsa' }),
    await signed(alice, {}, { blob: second.publicKey.blob }),
    await signed(alice, {}, { sessionId: Buffer.alloc(32, 1) }),
    await signed(alice, { method: hostBound, host: other }),
    await signed(alice, { method: hostBound, host }, { host: other }),
    await signed(alice, { method: hostBound, host: other }, { host }),
    await signed(alice, { method: hostBound, host }, { method: 'publickey' }),
    // The key of one and the signature of another.
    await signed(second, { blob: alice.publicKey.blob }),
    // A signature for rsa-sha2-256 sent as rsa-sha2-512.
    await signed(rsa, { algorithm: 'rsa-sha2-512' }, { algorithm: 'rsa-sha2-256' }),
  ];
  for (const script of scripts) {
    const options = serverOptions({ publicKey: knows(alice, rsa) });
    assert.deepEqual(await refuse(options, script), [
      messages.userauthFailure.encode({ methods: ['publickey'], partialSuccess: false }),
    ]);
    assert.match(options.attempts[0]?.reason ?? '', /signature is wrong|another host key/);
  }
});

test('a flipped bit anywhere in a signed request never logs in', async () => {
  const whole = await signed(alice);
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] as number) ^ 1;
    const link = scripted(flipped);
    await assert.rejects(authenticateServer(link, serverOptions({ publicKey: async () => ({ by: 'anyone' }) })));
    assert.ok(
      link.sent.every((payload) => payload[0] !== 52),
      `byte ${at}`,
    );
  }
});

test('a query leaves nothing behind: only the key that signs decides (Go CVE-2024-45337, russh 2026-05)', async () => {
  const options = serverOptions({ publicKey: knows(alice, second) });
  assert.deepEqual(await accept(options, query(alice), query(second), query(alice), await signed(second)), {
    by: 'second',
  });
  const asked: string[] = [];
  const watching = serverOptions({
    publicKey: async ({ key }) => {
      asked.push(nameOf(key.blob));
      return nameOf(key.blob) === 'alice' ? { by: 'alice' } : undefined;
    },
  });
  await refuse(watching, query(alice), await signed(stranger));
  assert.deepEqual(asked, ['alice', 'stranger']);
});

test('a query is answered with PK_OK of the same algorithm and key', async () => {
  const [reply] = await refuse(serverOptions({ publicKey: knows(rsa) }), query(rsa, { algorithm: 'rsa-sha2-256' }));
  assert.deepEqual(reply, messages.userauthPkOk.encode({ algorithm: 'rsa-sha2-256', blob: rsa.publicKey.blob }));
});

test('algorithms: the allow-list first, then a key that fits the name', async () => {
  const cases: [Buffer, RegExp, Partial<ServerAuthOptions<TestGrant>>?][] = [
    [query(rsa, { algorithm: 'ssh-rsa' }), /ssh-rsa is not allowed/],
    [await signed(rsa, { algorithm: 'ssh-rsa' }), /ssh-rsa is not allowed/],
    // The blob is garbage, and nobody looked at it.
    [query(alice, { algorithm: 'ssh-dss', blob: Buffer.from('garbage') }), /ssh-dss is not allowed/],
    [query(alice, { algorithm: 'ssh-xyz' }), /ssh-xyz is unknown/, { signatureAlgorithms: ['ssh-xyz'] }],
    [query(alice, { algorithm: 'rsa-sha2-512' }), /no valid key for rsa-sha2-512/],
    [query(stranger, { algorithm: 'ecdsa-sha2-nistp384' }), /no valid key/],
    [query(alice, { algorithm: 'ssh-ed25519-cert-v01@openssh.com' }), /no valid key/],
    [query(alice, { blob: Buffer.from('garbage') }), /no valid key/],
    [query(alice, { blob: Buffer.concat([alice.publicKey.blob, Buffer.from([0])]) }), /no valid key/],
    [query(alice), /ssh-ed25519 is not allowed/, { signatureAlgorithms: ['rsa-sha2-512'] }],
    [query(rsa, { algorithm: 'rsa-sha2-512' }), /at least 8192/, { requiredRsaBits: 8192 }],
  ];
  for (const [script, reason, extra] of cases) {
    const asked = serverOptions({
      publicKey: () => assert.fail('the handler was asked'),
      ...extra,
    });
    const [reply] = await refuse(asked, script);
    assert.equal(reply?.[0], 51);
    assert.match(asked.attempts[0]?.reason ?? '', reason);
    assert.equal(asked.attempts[0]?.error, undefined);
  }
});

test('signatures are verified for unknown users and keys as well', async () => {
  const options = serverOptions({ publicKey: async () => undefined });
  await refuse(options, await signed(alice), await signed(alice, {}, { user: 'root' }));
  assert.deepEqual(
    options.attempts.map(({ reason }) => reason),
    ['the key is not known for this user', 'the signature is wrong'],
  );
});

test('a certificate logs in under its own algorithm, and under no other', async () => {
  const ca = second;
  const principals = ['alice'];
  for (const key of [alice, rsa]) {
    const certificate = await signCertificate({ subject: key.publicKey, kind: 'user', keyId: 'test', principals }, ca);
    const signer = withCertificate(key, certificate);
    const options = () =>
      serverOptions({ publicKey: async ({ key }) => (key.certificate?.keyId === 'test' ? { by: 'ca' } : undefined) });
    const names = algorithmsToTry(certificate, defaultSignatureAlgorithms, undefined).map(({ name }) => name);
    assert.deepEqual(names, [key === rsa ? 'rsa-sha2-512-cert-v01@openssh.com' : 'ssh-ed25519-cert-v01@openssh.com']);
    const result = await login({ signers: [signer] }, options());
    assert.deepEqual(result.server.grant, { by: 'ca' });
    assert.equal(result.server.keys[0]?.certificate?.keyId, 'test');
    // The blob of a certificate under the plain name, and the other way round.
    for (const [algorithm, blob] of [
      ['ssh-ed25519', certificate.blob],
      ['rsa-sha2-512', certificate.blob],
      [names[0] as string, key.publicKey.blob],
    ] as const) {
      const misfit = options();
      await refuse(misfit, query(alice, { algorithm, blob }));
      assert.match(misfit.attempts[0]?.reason ?? '', /no valid key/);
    }
  }
  const host = await signCertificate({ subject: alice.publicKey, kind: 'host', keyId: 'test', principals }, ca);
  const options = serverOptions({ publicKey: async () => ({ by: 'anyone' }) });
  await refuse(options, query(alice, { algorithm: host.type, blob: host.blob }));
  assert.equal(options.attempts[0]?.reason, 'a host certificate');
});

test('a certificate and the key it certifies are one key', async () => {
  const certificate = await signCertificate(
    { subject: alice.publicKey, kind: 'user', keyId: 'test', principals: ['alice'] },
    second,
  );
  const options = serverOptions({
    publicKey: async () => ({ by: 'anyone' }),
    requiredMethods: [['publickey', 'publickey']],
  });
  await refusedLogin({ signers: [withCertificate(alice, certificate), alice] }, options);
  assert.match(options.attempts.at(-1)?.reason ?? '', /used in an earlier step/);
});

test('a security key must have been touched, unless the grant says otherwise (Go CVE-2026-39831)', async () => {
  const application = 'ssh:';
  const raw = new WireReader(alice.publicKey.blob);
  raw.string();
  const blob = new WireWriter().string('sk-ssh-ed25519@openssh.com').string(raw.string()).string(application).finish();
  const key = decodePublicKey(blob);
  const token = (flags: number): Signer =>
    createSecurityKeySigner(key, { application, flags: 1, keyHandle: Buffer.from('handle') }, async ({ data }) => {
      const tail = Buffer.from([flags, 0, 0, 0, 7]);
      // PROTOCOL.u2f: hash of the application, flags, counter, hash of the message.
      const signed = Buffer.concat([hash('sha256', Buffer.from(application)), tail, hash('sha256', data)]);
      const wire = new WireReader(await alice.sign(signed, 'ssh-ed25519'));
      wire.string();
      return { signature: wire.string(), flags, counter: 7 };
    });
  const options = (verify?: VerifyOptions) =>
    serverOptions({
      publicKey: async () => ({ by: 'token' }),
      ...(verify === undefined ? {} : { signatureOptions: () => verify }),
    });
  await login({ signers: [token(1)] }, options());
  await refusedLogin({ signers: [token(0)] }, options());
  await login({ signers: [token(0)] }, options({ requireUserPresence: false }));
  await refusedLogin({ signers: [token(1)] }, options({ requireUserVerification: true }));
  await login({ signers: [token(5)] }, options({ requireUserVerification: true }));
});
