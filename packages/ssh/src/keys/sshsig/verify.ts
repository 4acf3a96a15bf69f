/** Verifying signatures over files and messages (PROTOCOL.sshsig). */
import { verifyCertificate } from '../certificate.ts';
import { decodeSignature, type WireSignature } from '../signature.ts';
import type { PublicKey, VerifyOptions } from '../types.ts';
import { requireMessageHash } from './digest.ts';
import { badSignature, encodeSignedData, type MessageSignature } from './format.ts';
import { type MessageOrDigest, messageAlgorithms, requireDigest } from './sign.ts';

export type VerifyMessageOptions = MessageOrDigest &
  VerifyOptions & {
    /** What the signature must be for; one for anything else is refused. */
    readonly namespace: string;
    /** What the authority of a certificate may have signed with; default everything but SHA-1. */
    readonly caSignatureAlgorithms?: readonly string[];
  };

/** What a signature proves. */
export interface VerifiedMessage {
  /** The key or certificate that signed. Whether to believe it is a question to the allowed signers. */
  readonly key: PublicKey;
  /** The signature algorithm. */
  readonly algorithm: string;
  /** Security keys: the flags of the authenticator and how many signatures it has made. */
  readonly securityKey: { readonly flags: number; readonly counter: number } | undefined;
}

/**
 * Verifies a signature, by throwing or not, so that a forgotten `await` cannot pass for a yes.
 *
 * That proves who signed, and not that they were allowed to: ask `checkSigner` of the trust module next. For a certificate
 * the authority's signature is verified as well; its dates and names are for `checkSigner`.
 *
 * @throws SshError `bad-signature` (or `bad-certificate`): another namespace, a hash or algorithm that is not allowed, another
 *   message, a touch that is missing. Errors of the message's source come through as they are.
 * @example
 * const { key } = await verifyMessage(signature, { namespace: 'file', message: createReadStream('release.tar') });
 */
export async function verifyMessage(
  signature: MessageSignature,
  options: VerifyMessageOptions,
): Promise<VerifiedMessage> {
  const hash = requireMessageHash(signature.hash);
  const digest = await requireDigest(hash, options, 'bad-signature');
  const key = signature.publicKey;
  if (signature.namespace !== options.namespace) {
    throw badSignature("Couldn't verify signature: namespace does not match", {
      remedy: `It is a signature for "${signature.namespace}", asked for was "${options.namespace}".`,
    });
  }
  // Nobody signs these bytes in version 1, so anyone could have put them there.
  if (signature.reserved.length > 0) {
    throw badSignature("Couldn't verify signature: the reserved field is not empty");
  }
  const wire = requireAlgorithm(key, signature.signature);
  if (key.certificate !== undefined) {
    const { caSignatureAlgorithms = messageAlgorithms(key.certificate.signatureKey) } = options;
    verifyCertificate(key.certificate, caSignatureAlgorithms);
  }
  const requireUserVerification =
    options.requireUserVerification === true || key.certificate?.criticalOptions.has('verify-required') === true;
  const data = encodeSignedData(options.namespace, hash, digest);
  if (!key.verify(data, signature.signature, wire.algorithm, { ...options, requireUserVerification })) {
    throw badSignature('Signature verification failed: incorrect signature');
  }
  return { key, algorithm: wire.algorithm, securityKey: readDetails(key, wire) };
}

/** The algorithm is judged by the key's type before the key is asked anything. */
function requireAlgorithm(key: PublicKey, signature: Buffer): WireSignature {
  let wire: WireSignature;
  try {
    wire = decodeSignature(signature);
  } catch (cause) {
    throw badSignature('Signature verification failed: invalid format', { cause });
  }
  if (messageAlgorithms(key).includes(wire.algorithm)) return wire;
  if (key.plain.type === 'ssh-rsa') {
    throw badSignature(`Couldn't verify signature: unsupported RSA signature algorithm ${wire.algorithm}`, {
      remedy: 'Have it signed again: SHA-1 signatures can be forged.',
    });
  }
  throw badSignature(`Signature verification failed: a ${key.type} key does not sign with ${wire.algorithm}`);
}

/** PROTOCOL.u2f: flags and counter follow the signature. The signature has been verified, so they are there. */
function readDetails(key: PublicKey, { rest }: WireSignature): VerifiedMessage['securityKey'] {
  if (!key.plain.type.startsWith('sk-') || rest.length < 5) return undefined;
  return { flags: rest.readUInt8(0), counter: rest.readUInt32BE(1) };
}
