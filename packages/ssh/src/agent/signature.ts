/** Signatures as an agent makes them: which flags ask for which algorithm, and the check of what comes back. */
import { SshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import { WireReader } from '../wire/index.ts';
import { signFlags } from './messages.ts';

const rsaFlags: Readonly<Record<string, number>> = {
  'rsa-sha2-256': signFlags.rsaSha256,
  'rsa-sha2-512': signFlags.rsaSha512,
};

/**
 * The flags of a sign request.
 *
 * @throws SshError `misuse` for an algorithm that is not one of the key's.
 */
export function flagsFor(key: PublicKey, algorithm: string): number {
  if (!key.plain.signatureAlgorithms.includes(algorithm)) {
    throw new SshError(`a key of type ${key.type} cannot sign with ${algorithm}`, { code: 'misuse', stage: 'agent' });
  }
  return Object.hasOwn(rsaFlags, algorithm) ? (rsaFlags[algorithm] as number) : 0;
}

/**
 * The algorithm that a sign request's flags ask for (RFC 9987 §3.6.1).
 *
 * @throws SshError `agent-refused` for an RSA signature without a flag: it would be one with SHA-1, which no server worth
 *   logging in to still takes.
 */
export function signatureAlgorithmFor(key: PublicKey, flags: number): string {
  const [preferred] = key.plain.signatureAlgorithms;
  if (key.plain.type !== 'ssh-rsa' && preferred !== undefined) return preferred;
  // Where both are asked for, the order is OpenSSH's.
  const algorithm = Object.entries(rsaFlags).find(([, flag]) => (flags & flag) !== 0)?.[0];
  if (algorithm !== undefined) return algorithm;
  throw new SshError('the request asks for a SHA-1 signature', { code: 'agent-refused', stage: 'agent', side: 'peer' });
}

/**
 * Checks that an agent's signature is whole and of the algorithm asked for: old agents ignore the flags and sign with SHA-1,
 * which the server would refuse with no word on why.
 *
 * @throws SshError `bad-signature`.
 */
export function requireSignature(signature: Buffer, algorithm: string): Buffer {
  const got = readAlgorithm(signature, algorithm);
  if (got === algorithm) return signature;
  throw badSignature(`expected a signature of ${algorithm}, got one of ${got}`);
}

function readAlgorithm(signature: Buffer, algorithm: string): string {
  try {
    const reader = new WireReader(signature, "the agent's signature");
    const got = reader.ascii('algorithm');
    if (reader.string('signature').length === 0) throw reader.error('it is empty');
    // PROTOCOL.u2f: a security key adds its flags and counter.
    if (algorithm.startsWith('sk-')) reader.fixed(5, 'flags and counter');
    reader.finish();
    return got;
  } catch (cause) {
    throw badSignature(cause instanceof Error ? cause.message : 'it cannot be read', cause);
  }
}

function badSignature(detail: string, cause?: unknown): SshError {
  return new SshError(`the agent gave no usable signature: ${detail}`, {
    code: 'bad-signature',
    stage: 'agent',
    side: 'peer',
    remedy: 'Use an agent that knows RSA signatures with SHA-2, or a key of another type.',
    ...(cause === undefined ? {} : { cause }),
  });
}
