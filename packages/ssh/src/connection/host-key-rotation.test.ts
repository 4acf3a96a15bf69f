import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { generateKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import type { Connection } from './connection.ts';
import { hostKeyProofs, hostkeysOpenssh, hostkeysProveOpenssh } from './global-requests/hostkeys-openssh.ts';
import { announceHostKeys, hostKeyProver, proveHostKeys, readAnnouncedHostKeys } from './host-key-rotation.ts';

const [ed, rsa, ecdsa, stranger] = await Promise.all([
  generateKey('ssh-ed25519'),
  generateKey('ssh-rsa', { bits: 2048 }),
  generateKey('ecdsa-sha2-nistp256'),
  generateKey('ssh-ed25519'),
]);
const facts = { sessionId: Buffer.from('session'), hostKeyAlgorithm: 'ssh-ed25519' };

/** A server that answers proof requests by this handler. */
function serverOf(prover: ReturnType<typeof hostKeyProver>): Connection {
  const answering = {
    globalRequest: async (type: string, data: Buffer) => {
      const answer = await prover({ type, data, wantReply: true });
      return typeof answer === 'boolean' ? undefined : answer;
    },
  };
  return answering as unknown as Connection;
}

test('a server proves its own keys, of every type, and no others', async () => {
  const server = serverOf(hostKeyProver([ed, rsa, ecdsa], facts));
  const keys = [rsa, ecdsa, ed].map(({ publicKey }) => publicKey);
  assert.deepEqual(await proveHostKeys(server, keys, facts), keys);
  assert.equal(await proveHostKeys(server, [stranger.publicKey], facts), undefined);
  assert.deepEqual(await proveHostKeys(server, [], facts), []);
});

test('a proof of another session, of another key, or too few of them, is an offence', async () => {
  const isOffence = (error: unknown) => error instanceof SshError && error.side === 'peer';
  const elsewhere = serverOf(hostKeyProver([ed], { ...facts, sessionId: Buffer.from('other') }));
  await assert.rejects(proveHostKeys(elsewhere, [ed.publicKey], facts), isOffence);
  const swapped = serverOf(async ({ data }) => {
    const { hostKeys } = hostkeysProveOpenssh.data.decode(data);
    const signatures = await Promise.all(hostKeys.map(() => stranger.sign(data, 'ssh-ed25519')));
    return hostKeyProofs.encode({ signatures });
  });
  await assert.rejects(proveHostKeys(swapped, [ed.publicKey], facts), isOffence);
  const few = serverOf(() => hostKeyProofs.encode({ signatures: [] }));
  await assert.rejects(proveHostKeys(few, [ed.publicKey], facts), isOffence);
});

test('announced keys: unknown types and repetitions are left out, a flood is an offence', () => {
  const sent: Buffer[] = [];
  const connection = { sendGlobalNoReply: (_name: string, data: Buffer) => void sent.push(data) };
  announceHostKeys(connection as unknown as Connection, [ed.publicKey, rsa.publicKey, ed.publicKey]);
  const names = (keys: readonly PublicKey[]) => keys.map(({ type }) => type);
  assert.deepEqual(names(readAnnouncedHostKeys(sent[0] as Buffer)), ['ssh-ed25519', 'ssh-rsa']);
  const odd = hostkeysOpenssh.data.encode({ hostKeys: [Buffer.from('nonsense'), ecdsa.publicKey.blob] });
  assert.deepEqual(names(readAnnouncedHostKeys(odd)), ['ecdsa-sha2-nistp256']);
  const flood = hostkeysOpenssh.data.encode({ hostKeys: Array.from({ length: 65 }, () => ed.publicKey.blob) });
  assert.throws(
    () => readAnnouncedHostKeys(flood),
    (error: unknown) => error instanceof SshError && error.side === 'peer',
  );
});
