/** Choosing signature algorithms, and signers beyond private keys in memory: security keys and certified keys. */
import { SshError } from '../errors.ts';
import { asBuffer } from '../wire/index.ts';
import { badKey } from './key-error.ts';
import { type PublicKeyAlgorithm, publicKeyAlgorithms } from './key-types/table.ts';
import { securityKeyData } from './security-key.ts';
import { encodeEcdsaBody, encodeSignature } from './signature.ts';
import type { PublicKey, Signer } from './types.ts';

/**
 * The public key algorithm under which to offer a key, and with it the signature algorithm.
 *
 * @param allowed - our own policy, names as in PubkeyAcceptedAlgorithms (`rsa-sha2-512`, `ssh-ed25519-cert-v01@openssh.com`).
 * @param serverSigAlgs - the peer's server-sig-algs (RFC 8308 §3.1), if it sent them.
 * @returns undefined where nothing fits: the key is then not to be offered.
 */
export function chooseSignatureAlgorithm(
  key: PublicKey,
  allowed: readonly string[],
  serverSigAlgs?: readonly string[],
): PublicKeyAlgorithm | undefined {
  const fitting = publicKeyAlgorithms.filter(
    // Browsers alone make webauthn signatures; no signer of ours does.
    (row) => row.keyType === key.type && !row.name.startsWith('webauthn-') && allowed.includes(row.name),
  );
  // RFC 8332 §3.3: only RSA leaves a choice. Other types are offered whatever the list says, as many servers' lists lack them.
  if (key.plain.type !== 'ssh-rsa' || serverSigAlgs === undefined) return fitting[0];
  return fitting.find((row) => serverSigAlgs.includes(row.signatureAlgorithm) || serverSigAlgs.includes(row.name));
}

/** The same signer, showing a certificate for its key. */
export function withCertificate(signer: Signer, certificate: PublicKey): Signer {
  if (certificate.certificate === undefined || !certificate.plain.equals(signer.publicKey.plain)) {
    throw badKey('the certificate is not for this key', { code: 'misuse' });
  }
  return {
    publicKey: certificate,
    label: signer.label,
    ...(signer.signsUnasked && { signsUnasked: true }),
    sign: (data, algorithm, options) => signer.sign(data, algorithm, options),
  };
}

/** What a provider is asked to sign. */
export interface SecurityKeyRequest {
  readonly publicKey: PublicKey;
  readonly application: string;
  readonly keyHandle: Buffer;
  /** The key's flags: bit 0 asks for a touch, bit 2 for verification. */
  readonly flags: number;
  /** The message, of which the token gets the SHA-256 digest (CTAP's clientDataHash). */
  readonly data: Uint8Array;
  readonly signal: AbortSignal | undefined;
}

/** What the token answered. */
export interface SecurityKeyAnswer {
  /** Ed25519: 64 bytes; ECDSA: r and s, 32 bytes each. */
  readonly signature: Uint8Array;
  /** The authenticator's flags and counter. */
  readonly flags: number;
  readonly counter: number;
}

export type SecurityKeyProvider = (request: SecurityKeyRequest) => Promise<SecurityKeyAnswer>;

/**
 * A signer whose private half is in a FIDO token.
 *
 * @param handle - from `securityKeyHandle(privateKey)`.
 * @param provider - talks to the token.
 */
export function createSecurityKeySigner(
  publicKey: PublicKey,
  handle: { application: string; flags: number; keyHandle: Buffer },
  provider: SecurityKeyProvider,
  label = 'security key',
): Signer {
  const { type } = publicKey.plain;
  if (!type.startsWith('sk-')) throw badKey(`a ${type} key is no security key`, { code: 'misuse' });
  return {
    publicKey,
    label,
    sign: async (data, algorithm, options) => {
      if (algorithm !== type) throw badKey(`a ${type} key signs with ${type}, not ${algorithm}`, { code: 'misuse' });
      const { application, keyHandle, flags } = handle;
      const signal = options?.signal;
      if (signal?.aborted) {
        throw new SshError('signing was cancelled', { code: 'aborted', stage: 'key', cause: signal.reason });
      }
      const answer = await provider({ publicKey, application, keyHandle, flags, data, signal });
      const signature = asBuffer(answer.signature);
      if (signature.length !== 64)
        throw badKey(`the security key gave a signature of ${signature.length} bytes, not 64`);
      const body = type.startsWith('sk-ecdsa')
        ? encodeEcdsaBody(signature.subarray(0, 32), signature.subarray(32))
        : signature;
      const tail = Buffer.alloc(5);
      tail.writeUInt8(answer.flags & 0xff, 0);
      tail.writeUInt32BE(answer.counter >>> 0, 1);
      return encodeSignature(algorithm, body, tail);
    },
  };
}

/** The exact bytes a token signs, for providers that hash by themselves and for emulators. */
export { securityKeyData };
