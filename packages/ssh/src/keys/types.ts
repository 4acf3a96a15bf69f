/** The shapes every key type fills: public keys that verify, private keys and agents that sign, certificates. */

/** A public key as it stands in host keys, authorized_keys and known_hosts. Certificates implement it as well. */
export interface PublicKey {
  /** The name in the blob: `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256-cert-v01@openssh.com` … */
  readonly type: string;
  /** The wire form (RFC 4253 §6.6). */
  readonly blob: Buffer;
  /** Signature algorithms this key can verify, preferred first: for `ssh-rsa` rsa-sha2-512, rsa-sha2-256 and (legacy) ssh-rsa. */
  readonly signatureAlgorithms: readonly string[];
  /** Size for reports: 256 for Ed25519, curve bits, modulus bits. */
  readonly bits: number;
  /** The plain key: itself, or a certificate's subject key. */
  readonly plain: PublicKey;
  /** The certificate, if this is one. */
  readonly certificate: Certificate | undefined;
  /**
   * Verifies a wire-format signature (string algorithm | string blob …) over `data`.
   *
   * @param algorithm - the *signature* algorithm that must stand in the signature and that the caller has checked against
   *   its allow-list: `rsa-sha2-256`, `ssh-ed25519`; for a certificate the name without `-cert-v01@openssh.com`.
   * @returns true only if the signature is whole, of that algorithm and right; false for every other input.
   *   Never throws for what a peer sent.
   */
  verify(data: Uint8Array, signature: Uint8Array, algorithm: string, options?: VerifyOptions): boolean;
  equals(other: PublicKey): boolean;
}

/** What a security key's signature must show (PROTOCOL.u2f). Default: presence required, verification not. */
export interface VerifyOptions {
  requireUserPresence?: boolean;
  requireUserVerification?: boolean;
}

/** Something that can sign for a public key: a private key in memory, a key held by an agent, a provider of the caller's. */
export interface Signer {
  readonly publicKey: PublicKey;
  /** For error texts and logs: a file name, "agent: comment". */
  readonly label: string;
  /** Where the key comes from, for those who are told of it. */
  readonly origin?: SignerOrigin;
  /**
   * A signature takes no time worth saving, no question and no touch, and nobody is told of it: over a long path a login may then
   * prove the key without asking first whether the server would take it. Default false.
   */
  readonly signsUnasked?: boolean;
  /**
   * Signs with the given signature algorithm (one of publicKey.signatureAlgorithms).
   *
   * @returns the wire-format signature: string algorithm | string blob.
   */
  sign(data: Uint8Array, algorithm: string, options?: { signal?: AbortSignal }): Promise<Buffer>;
}

export interface SignerOrigin {
  /** The key file, or the file that names a key of the agent's. */
  readonly file: string | undefined;
  readonly isAgent: boolean;
  /** The file, or the agent's comment. */
  readonly name: string;
}

/** A private key in memory. */
export interface PrivateKey extends Signer {
  readonly type: string;
  readonly comment: string;
}

/** An OpenSSH certificate (PROTOCOL.certkeys). */
export interface Certificate {
  readonly type: string;
  readonly blob: Buffer;
  readonly nonce: Buffer;
  readonly subject: PublicKey;
  readonly serial: bigint;
  readonly kind: 'user' | 'host';
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970; 0 and 2^64-1 mean no bound. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: ReadonlyMap<string, Buffer>;
  readonly extensions: ReadonlyMap<string, Buffer>;
  readonly reserved: Buffer;
  readonly signatureKey: PublicKey;
  readonly signature: Buffer;
  /** The signed part: everything before the signature. */
  readonly signedBytes: Buffer;
}
