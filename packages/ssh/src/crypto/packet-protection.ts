/** What the packet layer asks of ciphers and MACs: seal and open whole packets. No algorithm lives here. */

/**
 * A packet, before sealing: uint32 packet_length | byte padding_length | payload | padding (RFC 4253 §6), without MAC.
 * A sealed packet: the same bytes encrypted (the length in the clear for AEAD and -etm), then `trailerBytes` of tag or MAC.
 */
export interface PacketSealer {
  /** Padding makes the encrypted part a multiple of this; at least 8. */
  readonly blockBytes: number;
  /** Whether packet_length counts in that multiple: no, where it is not encrypted with the body (AEAD, -etm). */
  readonly lengthCountsForPadding: boolean;
  readonly trailerBytes: number;
  /**
   * Seals one packet and pushes the bytes to send onto `out`.
   *
   * @param sequence - the packet's sequence number, 0 to 2^32-1.
   * @param packet - the whole packet as above. It is scratch memory: the sealer keeps no reference to it and pushes
   *   only memory of its own.
   */
  seal(sequence: number, packet: Buffer, out: Buffer[]): void;
  /**
   * Set where packets are sealed in the memory they were composed in; `seal` is not called then. It may come to be set between two
   * packets, once bulk has passed.
   */
  readonly inPlace?: SealInPlace | undefined;
  /** All that another process needs to go on sealing; JSON-able apart from its Buffers. */
  exportState(): PacketProtectionState;
}

/**
 * Seals a packet where it lies.
 *
 * @param sequence - as for `seal`.
 * @param packet - the whole packet, and behind it room for `trailerBytes`.
 */
export type SealInPlace = (sequence: number, packet: Buffer) => void;

export interface PacketOpener {
  /** Bytes that must be there before `readLength` may be called (4, or a cipher block where the length is encrypted with the body). */
  readonly headBytes: number;
  readonly blockBytes: number;
  readonly lengthCountsForPadding: boolean;
  readonly trailerBytes: number;
  /**
   * Set where an impossible length must not be told apart from a wrong MAC, by time or by answer (CBC with encrypt-and-mac,
   * CVE-2008-5161): the reader then takes a whole packet's worth of bytes before it fails.
   */
  readonly hidesBadLength?: true;
  /**
   * The packet_length field of the packet that starts at `offset`. Called once a packet, before `open`; may change state
   * (CTR, CBC decrypt the first block here and keep it).
   */
  readLength(sequence: number, input: Buffer, offset: number): number;
  /**
   * Verifies and decrypts a whole sealed packet at input[offset, offset + 4 + packetLength + trailerBytes).
   *
   * @returns padding_length | payload | padding, in memory of its own (not a view into `input`).
   * @throws SshError code `bad-mac`, stage `transport`, side `peer`, disconnect 5, message starting "Corrupted MAC on input".
   */
  open(sequence: number, input: Buffer, offset: number, packetLength: number): Buffer;
  exportState(): PacketProtectionState;
}

/** The state of one direction: names from the tables, and key, IV or counter as they stand now. */
export interface PacketProtectionState {
  cipher: string;
  /** The MAC's name, absent for AEAD. */
  mac?: string;
  key: Buffer;
  /** The IV to start from: a CTR counter or CBC chain as it stands, GCM's nonce with its invocation counter. Empty for chacha20. */
  iv: Buffer;
  macKey?: Buffer;
}

/** The keys of one direction, cut to the lengths the algorithms ask for. */
export interface DirectionKeys {
  key: Buffer;
  iv: Buffer;
  macKey: Buffer;
}

/** One row of the cipher table. */
export interface CipherAlgorithm {
  readonly name: string;
  readonly keyBytes: number;
  readonly ivBytes: number;
  readonly blockBytes: number;
  /** AEAD ciphers authenticate by themselves and take no MAC. */
  readonly aead: boolean;
  /** Offered only behind the `legacy` switch. */
  readonly legacy?: true;
  /** @param mac - null exactly when `aead`. */
  createSealer(keys: DirectionKeys, mac: MacAlgorithm | null): PacketSealer;
  createOpener(keys: DirectionKeys, mac: MacAlgorithm | null): PacketOpener;
}

/** One row of the MAC table. */
export interface MacAlgorithm {
  readonly name: string;
  readonly keyBytes: number;
  readonly macBytes: number;
  /** Encrypt-then-MAC: computed over the ciphertext, with packet_length in the clear. */
  readonly etm: boolean;
  /** Offered by clients only, at the end (hmac-sha1). */
  readonly clientOnly?: true;
  readonly legacy?: true;
  /** Binds a key; the returned function MACs uint32 sequence | the parts. */
  create(key: Buffer): (sequence: number, ...parts: Uint8Array[]) => Buffer;
}
