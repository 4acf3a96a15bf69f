/** chacha20-poly1305@openssh.com: ChaCha20 under two keys with Poly1305 over the ciphertext (OpenSSH's PROTOCOL.chacha20poly1305). */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { CipherAlgorithm, PacketOpener, PacketProtectionState, PacketSealer } from '../packet-protection.ts';
import { type BindChaCha, type ChaChaPackets, tagBytes } from './chacha-backends/backend.ts';
import { chooseChaChaBackend } from './chacha-backends/table.ts';
import { corruptedMac, requireKeys, requireWholePacket } from './protection/requirements.ts';

export const chacha20Poly1305: CipherAlgorithm = chachaRow(() => {
  chosenBind ??= chooseChaChaBackend().bind;
  return chosenBind;
});

/** Chosen when the first connection needs it, and kept: loading a compiled addon takes 15 ms that a start has no time for. */
let chosenBind: BindChaCha | undefined;

/** The cipher over a given back end; the table's row chooses by itself. */
export function chachaRow(backend: () => BindChaCha): CipherAlgorithm {
  const row = { name: 'chacha20-poly1305@openssh.com', keyBytes: 64, ivBytes: 0, blockBytes: 8, aead: true };
  const bind = (key: Buffer) => {
    const own = Buffer.from(key);
    return backend()(own.subarray(0, 32), own.subarray(32));
  };
  return {
    ...row,
    createSealer(keys, mac) {
      requireKeys(row, keys, mac);
      return new ChaChaSealer(row.name, createSecretKey(keys.key), bind(keys.key));
    },
    createOpener(keys, mac) {
      requireKeys(row, keys, mac);
      return new ChaChaOpener(row.name, createSecretKey(keys.key), bind(keys.key));
    },
  };
}

class ChaChaSealer implements PacketSealer {
  readonly blockBytes = 8;
  readonly lengthCountsForPadding = false;
  readonly trailerBytes = tagBytes;
  readonly #name: string;
  readonly #key: KeyObject;
  readonly #packets: ChaChaPackets;
  readonly #nonce = Buffer.alloc(8);

  constructor(name: string, key: KeyObject, packets: ChaChaPackets) {
    this.#name = name;
    this.#key = key;
    this.#packets = packets;
  }

  seal(sequence: number, packet: Buffer, out: Buffer[]): void {
    // The sequence number has 32 bits, the nonce 64: the upper half stays zero.
    this.#nonce.writeUInt32BE(sequence, 4);
    this.#packets.seal(this.#nonce, packet, out);
  }

  exportState(): PacketProtectionState {
    return { cipher: this.#name, key: this.#key.export(), iv: Buffer.alloc(0) };
  }
}

class ChaChaOpener implements PacketOpener {
  readonly headBytes = 4;
  readonly blockBytes = 8;
  readonly lengthCountsForPadding = false;
  readonly trailerBytes = tagBytes;
  readonly #name: string;
  readonly #key: KeyObject;
  readonly #packets: ChaChaPackets;
  readonly #nonce = Buffer.alloc(8);

  constructor(name: string, key: KeyObject, packets: ChaChaPackets) {
    this.#name = name;
    this.#key = key;
    this.#packets = packets;
  }

  /** The length is decrypted before it can be verified, under a key used for nothing else; the packet layer bounds it. */
  readLength(sequence: number, input: Buffer, offset: number): number {
    this.#nonce.writeUInt32BE(sequence, 4);
    return this.#packets.readLength(this.#nonce, input, offset);
  }

  open(sequence: number, input: Buffer, offset: number, packetLength: number): Buffer {
    requireWholePacket(input, offset, packetLength, tagBytes);
    this.#nonce.writeUInt32BE(sequence, 4);
    const opened = this.#packets.open(this.#nonce, input, offset, offset + 4 + packetLength);
    if (opened === null) throw corruptedMac(sequence);
    return opened;
  }

  exportState(): PacketProtectionState {
    return { cipher: this.#name, key: this.#key.export(), iv: Buffer.alloc(0) };
  }
}
