/** Revoked keys in text form: a file of public keys, one a line. */
import { SshError } from '../../errors.ts';
import { decodePublicKey } from '../../keys/public-key.ts';
import type { PublicKey } from '../../keys/types.ts';
import { maxTrustFileBytes } from '../../limits.ts';
import { asBuffer, WireReader } from '../../wire/index.ts';
import { contentOf, cutField, keyFieldsFlaw, lineFlaw, splitLines } from '../trust-file.ts';
import { listError } from './format.ts';
import type { RevocationReason, RevokedKeys } from './types.ts';

/**
 * Reads a text of revoked public keys; empty lines and lines that begin with # are passed over.
 *
 * @throws SshError `bad-file` for a line that is no key: it was meant to revoke one, and nobody knows which.
 */
export function readRevokedKeyList(bytes: Uint8Array, options: { name?: string } = {}): RevokedKeys {
  const { name = 'revoked keys' } = options;
  if (bytes.length > maxTrustFileBytes) {
    const detail = `${bytes.length} bytes long, at most ${maxTrustFileBytes} are read`;
    throw listError(name, detail, { code: 'limit-exceeded' });
  }
  const blobs = new Set<string>();
  for (const [index, line] of splitLines(asBuffer(bytes).toString('latin1'), name).entries()) {
    const content = contentOf(line);
    if (content === undefined) continue;
    const blob = lineFlaw(line) ?? readKey(content);
    if (typeof blob === 'string') throw listError(`${name} line ${index + 1}`, blob);
    blobs.add(blob.toString('latin1'));
  }
  return new RevokedKeyList(blobs);
}

class RevokedKeyList implements RevokedKeys {
  readonly #blobs: ReadonlySet<string>;

  constructor(blobs: ReadonlySet<string>) {
    this.#blobs = blobs;
  }

  revokes(key: PublicKey): RevocationReason | undefined {
    if (this.#holds(key)) return { by: 'key', of: 'key' };
    const authority = key.certificate?.signatureKey;
    return authority !== undefined && this.#holds(authority) ? { by: 'key', of: 'authority' } : undefined;
  }

  #holds(key: PublicKey): boolean {
    return this.#blobs.has(key.plain.blob.toString('latin1'));
  }
}

/** The blob of the plain key on a line, or what is wrong with the line. */
function readKey(content: string): Buffer | string {
  const [type, afterType] = cutField(content);
  const [keyText] = cutField(afterType);
  const flaw = keyFieldsFlaw(type, keyText);
  if (flaw !== undefined) return flaw;
  const blob = Buffer.from(keyText, 'base64');
  try {
    return decodePublicKey(blob).plain.blob;
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    // A key of a type that is not known here, or of a size that is not taken, logs in nowhere: it may stand there unharmed.
    if (error.code === 'unsupported' || isShortRsa(blob)) return blob;
    return error.message;
  }
}

/** An RSA key that is whole, and refused for its size. */
function isShortRsa(blob: Buffer): boolean {
  try {
    const reader = new WireReader(blob, 'key');
    if (reader.ascii('type') !== 'ssh-rsa') return false;
    reader.unsignedMpint('e');
    reader.unsignedMpint('n');
    reader.finish();
    return true;
  } catch {
    return false;
  }
}
