/** Host key rotation (OpenSSH PROTOCOL §2.5): the server tells all its keys, the client has the new ones proved. */
import { protocolError } from '../errors.ts';
import { decodePublicKey } from '../keys/index.ts';
import type { PublicKey, Signer } from '../keys/types.ts';
import { maxAnnouncedHostKeys } from '../limits.ts';
import { WireWriter } from '../wire/index.ts';
import type { Connection } from './connection.ts';
import { hostKeyProofs, hostkeysOpenssh, hostkeysProveOpenssh } from './global-requests/hostkeys-openssh.ts';
import type { RequestHandler } from './request-queue.ts';

/** What a proof is bound to. */
export interface RotationFacts {
  /** The exchange hash of the first key exchange. */
  readonly sessionId: Uint8Array;
  /** The host key algorithm that was negotiated: it decides how RSA keys sign. */
  readonly hostKeyAlgorithm: string;
}

/** As a server, after login: tells the client every host key, so that it can learn those to come. */
export function announceHostKeys(connection: Connection, keys: readonly PublicKey[]): void {
  const data = hostkeysOpenssh.data.encode({ hostKeys: keys.map((key) => key.plain.blob) });
  connection.sendGlobalNoReply(hostkeysOpenssh.name, data);
}

/** As a server: signs for keys that are its own; a request that names any other is refused. */
export function hostKeyProver(signers: readonly Signer[], facts: RotationFacts): RequestHandler {
  return async ({ data }) => {
    const { hostKeys } = hostkeysProveOpenssh.data.decode(data);
    if (hostKeys.length === 0 || hostKeys.length > signers.length) return false;
    const signatures: Buffer[] = [];
    for (const blob of hostKeys) {
      const signer = signers.find(({ publicKey }) => publicKey.plain.blob.equals(blob));
      if (signer === undefined) return false;
      signatures.push(await signer.sign(proofData(facts, blob), algorithmFor(signer.publicKey, facts)));
    }
    return hostKeyProofs.encode({ signatures });
  };
}

/**
 * As a client: the keys of an announcement. Those of types that are not known here are left out, and so are repetitions.
 *
 * @throws SshError `limit-exceeded` for more keys than any server has: a flood of them would fill known_hosts.
 */
export function readAnnouncedHostKeys(data: Buffer): PublicKey[] {
  const { hostKeys } = hostkeysOpenssh.data.decode(data);
  if (hostKeys.length > maxAnnouncedHostKeys) {
    throw protocolError('host-key', `the server announces ${hostKeys.length} host keys`, { code: 'limit-exceeded' });
  }
  const keys: PublicKey[] = [];
  for (const blob of hostKeys) {
    const key = decodeKnown(blob);
    if (key !== undefined && key.certificate === undefined && !keys.some((other) => other.equals(key))) keys.push(key);
  }
  return keys;
}

/**
 * As a client: has the server prove that it holds keys.
 *
 * @returns the keys, or undefined where the server refuses to prove them.
 * @throws SshError `protocol-error` for a proof that is wrong: whoever sent it lies about a key, and must not be listened to.
 */
export async function proveHostKeys(
  connection: Connection,
  keys: readonly PublicKey[],
  facts: RotationFacts,
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly PublicKey[] | undefined> {
  if (keys.length === 0) return [];
  const request = hostkeysProveOpenssh.data.encode({ hostKeys: keys.map(({ blob }) => blob) });
  const answer = await connection.globalRequest(hostkeysProveOpenssh.name, request, options);
  if (answer === undefined) return undefined;
  const { signatures } = hostKeyProofs.decode(answer);
  if (signatures.length !== keys.length) {
    throw protocolError('host-key', `${signatures.length} proofs came for ${keys.length} host keys`);
  }
  for (const [index, key] of keys.entries()) {
    const signature = signatures[index] as Buffer;
    const algorithms = key.type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : key.signatureAlgorithms;
    const data = proofData(facts, key.blob);
    if (!algorithms.some((algorithm) => key.verify(data, signature, algorithm))) {
      throw protocolError('host-key', `the proof for the server's ${key.type} key is wrong`);
    }
  }
  return keys;
}

/** Whether something to be signed is the proof of a host key, for this session. */
export function isHostKeyProof(data: Uint8Array, sessionId: Uint8Array): boolean {
  const head = proofHead(sessionId).finish();
  return Buffer.from(head).equals(data.subarray(0, head.length));
}

function proofData({ sessionId }: RotationFacts, blob: Uint8Array): Buffer {
  return Buffer.from(proofHead(sessionId).string(blob).finish());
}

function proofHead(sessionId: Uint8Array): WireWriter {
  return new WireWriter().string(hostkeysProveOpenssh.name).string(sessionId);
}

/** RSA signs as the key exchange did where that was RSA, and never with SHA-1. */
function algorithmFor(key: PublicKey, { hostKeyAlgorithm }: RotationFacts): string {
  if (key.plain.type !== 'ssh-rsa') return key.plain.signatureAlgorithms[0] as string;
  return hostKeyAlgorithm.startsWith('rsa-sha2-256') ? 'rsa-sha2-256' : 'rsa-sha2-512';
}

function decodeKnown(blob: Buffer): PublicKey | undefined {
  try {
    return decodePublicKey(blob);
  } catch {
    return undefined;
  }
}
