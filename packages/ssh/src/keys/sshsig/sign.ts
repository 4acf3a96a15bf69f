/** Signing files and messages (PROTOCOL.sshsig), as ssh-keygen -Y sign does. */
import { badKey } from '../key-error.ts';
import { decodeSignature } from '../signature.ts';
import type { PublicKey, Signer } from '../types.ts';
import { digestMessage, type MessageSource, messageHashBytes, requireMessageHash } from './digest.ts';
import { badSignature, encodeSignedData, type MessageHash, type MessageSignature, namespaceFlaw } from './format.ts';

/** The message itself, or its digest where that was made elsewhere. */
export type MessageOrDigest =
  | { readonly message: MessageSource; readonly digest?: undefined }
  | { readonly digest: Uint8Array; readonly message?: undefined };

export type SignMessageOptions = MessageOrDigest & {
  /** A private key, a key of an agent, a provider; `withCertificate` has it sign as a certificate. */
  readonly signer: Signer;
  /** What the signature is for. Whoever verifies must ask for the same: `file`, `git`, `name@your.domain`. */
  readonly namespace: string;
  /** Default sha512. */
  readonly hash?: MessageHash;
  readonly signal?: AbortSignal;
};

/**
 * Signs a message or a file.
 *
 * @throws SshError `misuse` for an empty namespace or a digest of the wrong length, `bad-signature` for an unknown hash or a
 *   signer that signs wrongly, and whatever the signer throws.
 * @example
 * const signature = await signMessage({ signer: key, namespace: 'file', message: createReadStream('release.tar') });
 * await writeFile('release.tar.sig', formatMessageSignature(signature));
 */
export async function signMessage(options: SignMessageOptions): Promise<MessageSignature> {
  const { signer, namespace, signal } = options;
  const flaw = namespaceFlaw(namespace);
  if (flaw !== undefined) throw badSignature(flaw, { code: 'misuse' });
  const hash = requireMessageHash(options.hash ?? 'sha512');
  const algorithm = messageAlgorithms(signer.publicKey)[0];
  if (algorithm === undefined) throw badKey(`a ${signer.publicKey.type} key cannot sign messages`, { code: 'misuse' });
  const data = encodeSignedData(namespace, hash, await requireDigest(hash, options, 'misuse'));
  const signature = await signer.sign(data, algorithm, ...(signal === undefined ? [] : [{ signal }]));
  requireOwnSignature(signer.publicKey, data, signature, algorithm);
  return { publicKey: signer.publicKey, namespace, reserved: Buffer.alloc(0), hash, signature };
}

/** The signature algorithms that a key may use here, preferred first: PROTOCOL.sshsig rules out RSA with SHA-1. */
export function messageAlgorithms(key: PublicKey): readonly string[] {
  return key.signatureAlgorithms.filter((name) => name !== 'ssh-rsa');
}

/** The digest that was given, if it can be one, or that of the message. */
export async function requireDigest(
  hash: MessageHash,
  source: MessageOrDigest,
  code: 'misuse' | 'bad-signature',
): Promise<Uint8Array> {
  const { message, digest } = source;
  if (digest === undefined) return await digestMessage(hash, message as MessageSource);
  if (digest.length === messageHashBytes[hash]) return digest;
  throw badSignature(`a ${hash} digest has ${messageHashBytes[hash]} bytes, ${digest.length} were given`, { code });
}

/** A signer may be an agent or a token: what it made is checked before it is written to a file. */
function requireOwnSignature(key: PublicKey, data: Buffer, signature: Buffer, algorithm: string): void {
  if (decodeSignature(signature).algorithm === algorithm) {
    // Whether someone must have touched the token is for the verifier to say.
    if (key.verify(data, signature, algorithm, { requireUserPresence: false })) return;
  }
  throw badSignature('the signer gave a signature that does not verify', {
    remedy: 'See whether the agent or token holds the key that it was asked for.',
  });
}
