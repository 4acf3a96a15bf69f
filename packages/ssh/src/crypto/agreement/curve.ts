/** What the elliptic curve methods and the hybrids ask of a curve. */

export interface Curve {
  /** For error texts. */
  readonly label: string;
  readonly publicKeyBytes: number;
  /** @param privateKey - the key to take instead of a new one, for tests of known answers. */
  generateKeyPair(privateKey?: Uint8Array): CurveKeyPair;
}

export interface CurveKeyPair {
  readonly publicKey: Buffer;
  /**
   * The secret shared with the owner of a public key, always of the field's full length.
   *
   * @throws SshError code `kex-failed` for a value of the wrong length, not on the curve, or of small order.
   */
  agree(peerPublicKey: Uint8Array): Buffer;
}
