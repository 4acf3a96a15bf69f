/** The digest of a message that may be larger than memory. */
import { startHash } from '../../crypto/running-hash.ts';
import { badSignature, type MessageHash, messageHashes } from './format.ts';

/** Bytes at once, or piece by piece: a read stream, a generator. */
export type MessageSource = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Hashes a message as it comes; each piece is done with before the next is asked for.
 *
 * @throws SshError `bad-signature` for another hash than sha256 and sha512.
 * @example
 * const digest = await digestMessage('sha512', createReadStream('disk.img'));
 */
export async function digestMessage(hash: string, message: MessageSource): Promise<Buffer> {
  const state = startHash(requireMessageHash(hash));
  if (message instanceof Uint8Array) {
    state.update(message);
  } else {
    for await (const piece of message) state.update(piece);
  }
  return state.digest();
}

/** PROTOCOL.sshsig: verifiers take these hashes only, for the signature's author could else choose a broken one. */
export function requireMessageHash(name: string): MessageHash {
  const hash = messageHashes.find((each) => each === name);
  if (hash !== undefined) return hash;
  throw badSignature(`unsupported hash algorithm "${name.slice(0, 100)}"`, {
    remedy: `Messages are hashed with ${messageHashes.join(' or ')}.`,
  });
}

/** Bytes of each digest, so that one that was made elsewhere can be judged. */
export const messageHashBytes: Readonly<Record<MessageHash, number>> = { sha512: 64, sha256: 32 };
