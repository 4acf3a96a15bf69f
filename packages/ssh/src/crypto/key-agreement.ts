/** What key exchange asks of its primitives: two messages and a shared secret, whichever the mathematics. */

/**
 * One row of the agreement table: curve, KEM hybrid or fixed Diffie-Hellman group, in the shape of RFC 5656 §4:
 * the initiator (client) sends a value, the responder (server) answers with one, both know K.
 *
 * Values are the *bodies* of the wire strings: for the Diffie-Hellman groups that is an mpint's body, since an mpint
 * and a string of those bytes are the same on the wire and in the exchange hash. The same goes for the secret K:
 * mpint body for curves and groups (RFC 8731 §3.1, RFC 4253 §8), plain 32/64-byte string for the hybrids.
 */
export interface KeyAgreement {
  readonly name: string;
  /** The exchange hash of the method. */
  readonly hash: HashName;
  readonly legacy?: true;
  /** Not in the default list; used only where a configuration names it. */
  readonly onRequest?: true;
  /** Finite-field Diffie-Hellman: left out of a server's default list (it costs the server most, CVE-2002-20001). */
  readonly finiteField?: true;
  /** A quantum computer of the future cannot read what is recorded today. */
  readonly postQuantum?: true;
  start(): AgreementInitiator | Promise<AgreementInitiator>;
  /**
   * The responder's half.
   *
   * @throws SshError code `kex-failed`, side `peer`, disconnect 3 for a value of wrong length, not on the curve, out of range,
   *   or that leads to an all-zero secret.
   */
  respond(initiatorValue: Buffer): AgreementResponse | Promise<AgreementResponse>;
}

export interface AgreementInitiator {
  readonly value: Buffer;
  /** The shared secret K as it enters the exchange hash (body bytes). Throws as `respond` does. */
  finish(responderValue: Buffer): Buffer | Promise<Buffer>;
}

export interface AgreementResponse {
  readonly value: Buffer;
  readonly secret: Buffer;
}

/** Hashes of key exchange methods, by node:crypto's names. */
export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';
