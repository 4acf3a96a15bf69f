/** What chacha20-poly1305@openssh.com asks of whoever does the arithmetic, and the form of what each back end works on. */

/** One way to compute the cipher. All give the same bytes; they differ in speed and in where they run. */
export interface ChaChaBackend {
  readonly name: 'openssl' | 'sodium-native' | 'node-mac' | 'node-noble' | 'noble';
  /** Loads what it needs, once; null where that is not to be had. Must not throw for that reason. */
  load(): BindChaCha | null;
}

/**
 * Binds the two keys of PROTOCOL.chacha20poly1305.
 *
 * @param mainKey - K_2, 32 bytes: encrypts the body and gives the Poly1305 key.
 * @param lengthKey - K_1, 32 bytes: encrypts packet_length.
 */
export type BindChaCha = (mainKey: Buffer, lengthKey: Buffer) => ChaChaPackets;

/** The packets of one direction. A nonce is the sequence number as a uint64, valid only during the call. */
export interface ChaChaPackets {
  /** Decrypts the four bytes of packet_length at `offset`; nothing has verified them. */
  readLength(nonce: Buffer, input: Buffer, offset: number): number;
  /** Seals packet_length | body and pushes the encrypted bytes with their tag. */
  seal(nonce: Buffer, packet: Buffer, out: Buffer[]): void;
  /**
   * Opens sealed[start, end), which is the encrypted length and body, with the tag behind it. The tag is compared in constant time
   * before anything is decrypted.
   *
   * @returns the body in memory of its own, or null if the tag is wrong.
   */
  open(nonce: Buffer, sealed: Buffer, start: number, end: number): Buffer | null;
}

export const tagBytes = 16;
/** Bytes of a Poly1305 key: the first half of block 0 of K_2's stream; the other half is thrown away. */
export const poly1305KeyBytes = 32;
export const chachaBlockBytes = 64;
