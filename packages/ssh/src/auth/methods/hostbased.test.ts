/** hostbased: a host key that vouches, both sides, and what the server must not take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { formatPublicKey, signCertificate } from '../../keys/index.ts';
import type { ClientAuthOptions, HostBasedIdentity } from '../client-options.ts';
import { alice, rsa, second, serverOptions, stranger } from '../fakes.test.ts';
import { login, refusedLogin } from '../login.test.ts';
import type { HostBasedAuthRequest } from '../server-options.ts';

const identity = (...signers: HostBasedIdentity['signers']): HostBasedIdentity => ({
  clientHost: 'box.example.',
  clientUser: 'ada',
  signers,
});
const client = (...signers: HostBasedIdentity['signers']): Partial<ClientAuthOptions> => ({
  hostBased: async () => identity(...signers),
});

test('a host key vouches for a user', async () => {
  const asked: HostBasedAuthRequest[] = [];
  const server = serverOptions({
    hostBased: async (request) => {
      asked.push(request);
      return request.clientHost === 'box.example.' && request.key.equals(second.publicKey) ? { by: 'host' } : undefined;
    },
  });
  const { client: result } = await login(client(stranger, second), server);
  assert.deepEqual(result.methods, ['hostbased']);
  assert.equal(result.proved, true);
  assert.deepEqual(
    asked.map(({ user, clientUser, algorithm }) => [user, clientUser, algorithm]),
    [['alice', 'ada', 'ssh-ed25519']],
  );
});

test('each key once, in the order of the algorithms that may be used', async () => {
  const asked: string[] = [];
  const server = serverOptions({
    hostBased: async ({ algorithm }) => {
      asked.push(algorithm);
      return undefined;
    },
  });
  const algorithms = { hostBasedAlgorithms: ['rsa-sha2-256', 'ecdsa-sha2-nistp256', 'ssh-ed25519', 'rsa-sha2-512'] };
  await refusedLogin({ ...client(second, stranger, rsa), ...algorithms }, server);
  assert.deepEqual(asked, ['rsa-sha2-256', 'ecdsa-sha2-nistp256', 'ssh-ed25519']);
});

test('a signature that is not the host’s is refused, whatever the handler says', async () => {
  const reasons: (string | undefined)[] = [];
  const server = serverOptions({
    hostBased: async () => ({ by: 'host' }),
    onAttempt: ({ reason }) => reasons.push(reason),
  });
  const forged = { ...second, sign: alice.sign.bind(alice), publicKey: second.publicKey, label: 'forged' };
  await refusedLogin(client(forged), server);
  assert.ok(reasons.includes('the signature is wrong'));
});

test('user certificates and algorithms that are not allowed are refused', async () => {
  const server = serverOptions({ hostBased: async () => ({ by: 'host' }), signatureAlgorithms: ['ssh-ed25519'] });
  await refusedLogin({ ...client(stranger), hostBasedAlgorithms: ['ecdsa-sha2-nistp256'] }, server);
  const request = { subject: second.publicKey, kind: 'user', keyId: 'ada', principals: ['ada'], serial: 1n } as const;
  const certificate = await signCertificate({ ...request, validAfter: 0n, validBefore: 2n ** 64n - 1n }, stranger);
  assert.ok(formatPublicKey(certificate).length > 0);
  const certified = { publicKey: certificate, label: 'certified', sign: second.sign.bind(second) };
  await refusedLogin(client(certified), serverOptions({ hostBased: async () => ({ by: 'host' }) }));
});

test('a helper that fails leaves the other methods', async () => {
  const failing = {
    publicKey: second.publicKey,
    label: 'host key',
    sign: () => Promise.reject(new Error('not enabled')),
  };
  const log: string[] = [];
  const options: Partial<ClientAuthOptions> = {
    ...client(failing, stranger),
    password: async () => 'kiwi',
    log: (_level, text) => log.push(text),
  };
  const server = serverOptions({
    hostBased: async () => ({ by: 'host' }),
    password: async ({ password }) => (password === 'kiwi' ? { by: 'password' } : undefined),
  });
  const { client: result } = await login(options, server);
  assert.deepEqual(result.methods, ['password']);
  assert.ok(server.attempts.every(({ method }) => method !== 'hostbased'));
  assert.ok(log.includes('sign using hostkey host key failed: not enabled'));
});

test('without anybody who vouches nothing is sent', async () => {
  const server = serverOptions({ hostBased: async () => ({ by: 'host' }) });
  const error = await refusedLogin({ hostBased: async () => undefined }, server);
  assert.deepEqual(
    server.attempts.map(({ method }) => method),
    ['none'],
  );
  assert.ok(error instanceof SshError);
  assert.deepEqual(error.authFailure?.methods, [{ name: 'hostbased', outcome: 'nothing-to-offer' }]);
});
