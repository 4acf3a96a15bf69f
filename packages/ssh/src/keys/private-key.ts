/** Private keys in memory: made from their parts, generated, and written to the wire form that files and agents share. */
import type { PrivateNumbers } from '../crypto/signatures/numbers.ts';
import { SshError } from '../errors.ts';
import { maxAlgorithmNameBytes } from '../limits.ts';
import type { WireReader, WireWriter } from '../wire/index.ts';
import { badKey } from './key-error.ts';
import { ecdsaPrivate } from './key-types/ecdsa-sha2.ts';
import type { KeyType, PrivateHalf, SecurityKeyHandle } from './key-types/key-type.ts';
import { ed25519Private } from './key-types/ssh-ed25519.ts';
import { rsaPrivate } from './key-types/ssh-rsa.ts';
import { keyTypes } from './key-types/table.ts';
import { decodePublicKey, publicKeyOf, requireHalf } from './public-key.ts';
import type { PrivateKey, PublicKey, Signer } from './types.ts';

/**
 * Generates a key.
 *
 * @param type - a plain type name: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa` …
 * @param options - `bits`: modulus size of RSA keys, default 3072.
 * @throws SshError `bad-key` for a size out of bounds, `unsupported` for a type that is made elsewhere or not known.
 * @example
 * const key = await generateKey('ssh-ed25519', { comment: 'me@laptop' });
 */
export async function generateKey(
  type: string,
  options: { bits?: number; comment?: string } = {},
): Promise<PrivateKey> {
  const row = keyTypes.find(({ name }) => name === type);
  if (row?.generate === undefined) {
    throw badKey(`keys of type "${type}" cannot be generated here`, { code: 'unsupported' });
  }
  return createPrivateKey(row, await row.generate(options.bits), options.comment ?? '');
}

/** The private key that these numbers make. Throws `bad-key` where they do not belong together. */
export function privateKeyFromNumbers(numbers: PrivateNumbers, comment = '', label?: string): PrivateKey {
  switch (numbers.kind) {
    case 'ed25519':
      return createPrivateKey(requireRow('ssh-ed25519'), ed25519Private(numbers), comment, label);
    case 'ecdsa':
      return createPrivateKey(requireRow(`ecdsa-sha2-${numbers.curve}`), ecdsaPrivate(numbers), comment, label);
    case 'rsa':
      return createPrivateKey(requireRow('ssh-rsa'), rsaPrivate(numbers), comment, label);
  }
}

/**
 * Reads a key from the form that openssh-key-v1 files and SSH_AGENTC_ADD_IDENTITY share: type, then fields; with a certificate,
 * its blob and the private fields. The comment follows and is the caller's.
 */
export function readPrivateKey(reader: WireReader, label?: string): (comment: string) => PrivateKey {
  const type = reader.ascii('type', maxAlgorithmNameBytes);
  const row = keyTypes.find(({ name, certificateName }) => name === type || certificateName === type);
  if (row === undefined) throw badKey(`unknown private key type "${type}"`, { code: 'unsupported' });
  if (type === row.name) {
    const half = row.readPrivate(reader);
    return (comment) => createPrivateKey(row, half, comment, label);
  }
  const certificate = decodePublicKey(reader.string('certificate'), { allowedTypes: [type] });
  const half = row.readPrivateOfCertificate(reader, requireHalf(certificate).half);
  return (comment) => createPrivateKey(row, half, comment, label, certificate);
}

/** Writes what `readPrivateKey` reads. */
export function writePrivateKey(writer: WireWriter, key: PrivateKey): void {
  const half = halfOf(key);
  writer.string(key.publicKey.type);
  if (key.publicKey.certificate === undefined) {
    half.write(writer);
  } else {
    writer.string(key.publicKey.blob);
    half.writeOfCertificate(writer);
  }
}

/** The same key with another comment, label or public form (its certificate). */
export function withPrivateKeyDetails(
  key: PrivateKey,
  details: { comment?: string; label?: string; certificate?: PublicKey },
): PrivateKey {
  const { certificate = key.publicKey } = details;
  if (!certificate.plain.equals(key.publicKey.plain)) {
    throw badKey('the certificate is not for this private key', { code: 'misuse' });
  }
  const row = requireRow(key.publicKey.plain.type);
  return createPrivateKey(row, halfOf(key), details.comment ?? key.comment, details.label ?? key.label, certificate);
}

/** The numbers of a private key, for formats other than SSH's own; a security key has none but its handle. */
export function privateNumbers(key: PrivateKey): PrivateNumbers | SecurityKeyHandle {
  return halfOf(key).numbers;
}

/** What a security key's provider needs, if this is one. */
export function securityKeyHandle(key: PrivateKey): SecurityKeyHandle | undefined {
  const numbers = privateNumbers(key);
  return numbers.kind === 'sk' ? numbers : undefined;
}

/** Whether a signer is a private key of this process, which was checked against its public half when it was read or made. */
export function isInMemory(signer: Signer): boolean {
  return signer instanceof MemoryPrivateKey;
}

class MemoryPrivateKey implements PrivateKey {
  readonly type: string;
  readonly publicKey: PublicKey;
  readonly comment: string;
  readonly label: string;
  /** Private in the language's own sense, so that printing or cloning a key shows nothing of it. */
  readonly #half: PrivateHalf;

  constructor(half: PrivateHalf, publicKey: PublicKey, comment: string, label: string) {
    this.type = publicKey.plain.type;
    this.publicKey = publicKey;
    this.comment = comment;
    this.label = label;
    this.#half = half;
  }

  /** Not where the file holds no more than a handle of a security key. */
  get signsUnasked(): boolean {
    return !this.type.startsWith('sk-');
  }

  async sign(data: Uint8Array, algorithm: string, options?: { signal?: AbortSignal }): Promise<Buffer> {
    if (options?.signal?.aborted) {
      throw new SshError('signing was cancelled', { code: 'aborted', stage: 'key', cause: options.signal.reason });
    }
    if (!this.publicKey.signatureAlgorithms.includes(algorithm)) {
      throw badKey(`a ${this.type} key signs with ${this.publicKey.signatureAlgorithms.join(', ')}, not ${algorithm}`, {
        code: 'misuse',
      });
    }
    return await this.#half.sign(data, algorithm);
  }

  static half(key: MemoryPrivateKey): PrivateHalf {
    return key.#half;
  }
}

function createPrivateKey(
  row: KeyType,
  half: PrivateHalf,
  comment: string,
  label = comment || `${row.shortName} key`,
  publicKey = publicKeyOf(row, half.public),
): PrivateKey {
  return new MemoryPrivateKey(half, publicKey, comment, label);
}

function halfOf(key: PrivateKey): PrivateHalf {
  if (key instanceof MemoryPrivateKey) return MemoryPrivateKey.half(key);
  throw badKey('the private half of this key is not in memory', { code: 'misuse' });
}

function requireRow(type: string): KeyType {
  const row = keyTypes.find(({ name }) => name === type);
  if (row === undefined) throw badKey(`unknown key type "${type}"`, { code: 'unsupported' });
  return row;
}
