/** AES-GCM as OpenSSH names and uses it (RFC 5647 without its negotiation rules): the length in the clear, as associated data. */
import { type CipherGCMTypes, createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { SshError } from '../../errors.ts';
import type { CipherAlgorithm, PacketOpener, PacketProtectionState, PacketSealer } from '../packet-protection.ts';
import { corruptedMac, requireKeys, requireWholePacket } from './protection/requirements.ts';
import { pushSealed } from './protection/sealed-parts.ts';

export const aes256Gcm = aesGcm(256);
export const aes128Gcm = aesGcm(128);

const tagBytes = 16;
const tagOptions = { authTagLength: tagBytes };

function aesGcm(bits: 128 | 256): CipherAlgorithm {
  const row = {
    name: `aes${bits}-gcm@openssh.com`,
    keyBytes: bits / 8,
    ivBytes: 12,
    blockBytes: 16,
    aead: true,
  };
  const nodeName: CipherGCMTypes = `aes-${bits}-gcm`;
  return {
    ...row,
    createSealer(keys, mac) {
      requireKeys(row, keys, mac);
      return new GcmSealer(row.name, nodeName, createSecretKey(keys.key), new InvocationNonce(keys.iv));
    },
    createOpener(keys, mac) {
      requireKeys(row, keys, mac);
      return new GcmOpener(row.name, nodeName, createSecretKey(keys.key), new InvocationNonce(keys.iv));
    },
  };
}

class GcmSealer implements PacketSealer {
  readonly blockBytes = 16;
  readonly lengthCountsForPadding = false;
  readonly trailerBytes = tagBytes;
  readonly #name: string;
  readonly #nodeName: CipherGCMTypes;
  readonly #key: KeyObject;
  readonly #nonce: InvocationNonce;

  constructor(name: string, nodeName: CipherGCMTypes, key: KeyObject, nonce: InvocationNonce) {
    this.#name = name;
    this.#nodeName = nodeName;
    this.#key = key;
    this.#nonce = nonce;
  }

  seal(_sequence: number, packet: Buffer, out: Buffer[]): void {
    const head = Buffer.from(packet.subarray(0, 4));
    const cipher = createCipheriv(this.#nodeName, this.#key, this.#nonce.current(), tagOptions);
    this.#nonce.advance();
    cipher.setAAD(head);
    const ciphertext = cipher.update(packet.subarray(4));
    cipher.final();
    pushSealed(out, head, ciphertext, cipher.getAuthTag());
  }

  exportState(): PacketProtectionState {
    return { cipher: this.#name, key: this.#key.export(), iv: Buffer.from(this.#nonce.current()) };
  }
}

class GcmOpener implements PacketOpener {
  readonly headBytes = 4;
  readonly blockBytes = 16;
  readonly lengthCountsForPadding = false;
  readonly trailerBytes = tagBytes;
  readonly #name: string;
  readonly #nodeName: CipherGCMTypes;
  readonly #key: KeyObject;
  readonly #nonce: InvocationNonce;

  constructor(name: string, nodeName: CipherGCMTypes, key: KeyObject, nonce: InvocationNonce) {
    this.#name = name;
    this.#nodeName = nodeName;
    this.#key = key;
    this.#nonce = nonce;
  }

  readLength(_sequence: number, input: Buffer, offset: number): number {
    return input.readUInt32BE(offset);
  }

  open(sequence: number, input: Buffer, offset: number, packetLength: number): Buffer {
    requireWholePacket(input, offset, packetLength, tagBytes);
    const end = offset + 4 + packetLength;
    const decipher = createDecipheriv(this.#nodeName, this.#key, this.#nonce.current(), tagOptions);
    this.#nonce.advance();
    decipher.setAAD(input.subarray(offset, offset + 4));
    decipher.setAuthTag(input.subarray(end, end + tagBytes));
    const opened = decipher.update(input.subarray(offset + 4, end));
    try {
      decipher.final();
    } catch {
      // All that final() can object to here is the tag. What was decrypted is dropped unseen.
      throw corruptedMac(sequence);
    }
    return opened;
  }

  exportState(): PacketProtectionState {
    return { cipher: this.#name, key: this.#key.export(), iv: Buffer.from(this.#nonce.current()) };
  }
}

/** RFC 5647 §7.1: four fixed bytes, then a 64-bit counter of invocations that starts where the derived IV has it. */
class InvocationNonce {
  readonly #bytes: Buffer;
  #exhausted = false;

  constructor(iv: Buffer) {
    this.#bytes = Buffer.from(iv);
  }

  /** The nonce of the packet at hand; a view, changed by `advance`. */
  current(): Buffer {
    // A repeated nonce gives the authentication key away. Rekeying comes long before; this is the last line.
    if (this.#exhausted) {
      throw new SshError('the invocation counter of AES-GCM has run out under this key', {
        code: 'limit-exceeded',
        stage: 'transport',
        remedy: 'Connect again, or rekey more often.',
      });
    }
    return this.#bytes;
  }

  advance(): void {
    const bytes = this.#bytes;
    for (let at = 11; at >= 4; at--) {
      const digit = ((bytes[at] as number) + 1) & 0xff;
      bytes[at] = digit;
      if (digit !== 0) return;
    }
    this.#exhausted = true;
  }
}
