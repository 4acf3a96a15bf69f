/** AES-GCM as OpenSSH names and uses it (RFC 5647 without its negotiation rules): the length in the clear, as associated data. */
import { type CipherGCMTypes, createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { type Bindings, type EvpCipher, gcmTagBytes } from '../evp/bindings.ts';
import { evpForBulk } from '../evp/library.ts';
import type {
  CipherAlgorithm,
  PacketOpener,
  PacketProtectionState,
  PacketSealer,
  SealInPlace,
} from '../packet-protection.ts';
import { InvocationNonce } from './protection/invocation-nonce.ts';
import { corruptedMac, requireKeys, requireWholePacket } from './protection/requirements.ts';
import { ownMemory, pushSealed } from './protection/sealed-parts.ts';

export const aes256Gcm = aesGcm(256);
export const aes128Gcm = aesGcm(128);

const tagBytes = gcmTagBytes;
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
      return new GcmSealer({ row, nodeName, key: createSecretKey(keys.key), nonce: new InvocationNonce(keys.iv) });
    },
    createOpener(keys, mac) {
      requireKeys(row, keys, mac);
      return new GcmOpener({ row, nodeName, key: createSecretKey(keys.key), nonce: new InvocationNonce(keys.iv) });
    },
  };
}

/** What one direction goes on from. */
interface GcmDirection {
  readonly row: { readonly name: string; readonly keyBytes: number };
  readonly nodeName: CipherGCMTypes;
  readonly key: KeyObject;
  readonly nonce: InvocationNonce;
}

function evpCipher(evp: Bindings, { row, key }: GcmDirection, direction: 'encrypt' | 'decrypt'): EvpCipher {
  const bytes = key.export();
  const cipher = evp.cipher(row.keyBytes === 32 ? 'AES-256-GCM' : 'AES-128-GCM', direction, bytes);
  bytes.fill(0);
  return cipher;
}

function exportState({ row, key, nonce }: GcmDirection): PacketProtectionState {
  return { cipher: row.name, key: key.export(), iv: Buffer.from(nonce.current()) };
}

class GcmSealer implements PacketSealer {
  readonly blockBytes = 16;
  readonly lengthCountsForPadding = false;
  readonly trailerBytes = tagBytes;
  inPlace: SealInPlace | undefined;
  readonly #direction: GcmDirection;
  #sealedBytes = 0;

  constructor(direction: GcmDirection) {
    this.#direction = direction;
    this.#look();
  }

  seal(_sequence: number, packet: Buffer, out: Buffer[]): void {
    const { nodeName, key, nonce } = this.#direction;
    const head = Buffer.from(packet.subarray(0, 4));
    const cipher = createCipheriv(nodeName, key, nonce.current(), tagOptions);
    nonce.advance();
    cipher.setAAD(head);
    const ciphertext = cipher.update(packet.subarray(4));
    cipher.final();
    pushSealed(out, head, ciphertext, cipher.getAuthTag());
    this.#sealedBytes += packet.length;
    this.#look();
  }

  exportState(): PacketProtectionState {
    return exportState(this.#direction);
  }

  #look(): void {
    const evp = evpForBulk(this.#sealedBytes);
    if (evp === undefined) return;
    const { nonce } = this.#direction;
    const cipher = evpCipher(evp, this.#direction, 'encrypt');
    this.inPlace = (_sequence, packet) => {
      const end = packet.length - tagBytes;
      cipher.start(nonce.current());
      nonce.advance();
      cipher.authenticate(packet.subarray(0, 4));
      const body = packet.subarray(4, end);
      cipher.update(body, body);
      cipher.finish(packet.subarray(end));
    };
  }
}

class GcmOpener implements PacketOpener {
  readonly headBytes = 4;
  readonly blockBytes = 16;
  readonly lengthCountsForPadding = false;
  readonly trailerBytes = tagBytes;
  readonly #direction: GcmDirection;
  #evp: EvpCipher | undefined;
  #openedBytes = 0;

  constructor(direction: GcmDirection) {
    this.#direction = direction;
    this.#look();
  }

  readLength(_sequence: number, input: Buffer, offset: number): number {
    return input.readUInt32BE(offset);
  }

  open(sequence: number, input: Buffer, offset: number, packetLength: number): Buffer {
    requireWholePacket(input, offset, packetLength, tagBytes);
    const end = offset + 4 + packetLength;
    const head = input.subarray(offset, offset + 4);
    const body = input.subarray(offset + 4, end);
    const tag = input.subarray(end, end + tagBytes);
    // What was decrypted under a wrong tag is dropped unseen.
    if (this.#evp !== undefined) return this.#openByEvp(this.#evp, sequence, head, body, tag);
    const { nodeName, key, nonce } = this.#direction;
    const decipher = createDecipheriv(nodeName, key, nonce.current(), tagOptions);
    nonce.advance();
    decipher.setAAD(head);
    decipher.setAuthTag(tag);
    const opened = decipher.update(body);
    try {
      decipher.final();
    } catch {
      // All that final() can object to here is the tag.
      throw corruptedMac(sequence);
    }
    this.#openedBytes += packetLength;
    this.#look();
    return opened;
  }

  exportState(): PacketProtectionState {
    return exportState(this.#direction);
  }

  #openByEvp(cipher: EvpCipher, sequence: number, head: Buffer, body: Buffer, tag: Buffer): Buffer {
    const { nonce } = this.#direction;
    const opened = ownMemory(body.length);
    cipher.start(nonce.current());
    nonce.advance();
    cipher.authenticate(head);
    cipher.update(opened, body);
    if (!cipher.verify(tag)) throw corruptedMac(sequence);
    return opened;
  }

  #look(): void {
    const evp = evpForBulk(this.#openedBytes);
    if (evp !== undefined) this.#evp = evpCipher(evp, this.#direction, 'decrypt');
  }
}
