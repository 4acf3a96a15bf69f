/** node:crypto's ChaCha20, with Poly1305 from node:crypto where it has it (Node 26) and from @noble/ciphers otherwise. */
import nodeCrypto from 'node:crypto';
import { timingSafeEqual } from '../../hash.ts';
import { pushSealed } from '../protection/sealed-parts.ts';
import { type ChaChaBackend, type ChaChaPackets, chachaBlockBytes, poly1305KeyBytes, tagBytes } from './backend.ts';
import { requireNoble } from './noble.ts';

export const nodeMacBackend: ChaChaBackend = {
  name: 'node-mac',
  load() {
    const { createMac } = nodeCrypto as typeof nodeCrypto & NodeWithMac;
    if (createMac === undefined || !hasChaCha20()) return null;
    try {
      createMac('poly1305', Buffer.alloc(poly1305KeyBytes)).final();
    } catch {
      return null;
    }
    const poly1305: Poly1305 = (key, first, second) => {
      const mac = createMac('poly1305', key).update(first);
      return (second === undefined ? mac : mac.update(second)).final();
    };
    return (mainKey, lengthKey) => new NodePackets(poly1305, mainKey, lengthKey);
  },
};

export const nodeNobleBackend: ChaChaBackend = {
  name: 'node-noble',
  load() {
    const noble = hasChaCha20() ? requireNoble() : null;
    if (noble === null) return null;
    const poly1305: Poly1305 = (key, first, second) => {
      const mac = noble.poly1305.create(key).update(first);
      return (second === undefined ? mac : mac.update(second)).digest();
    };
    return (mainKey, lengthKey) => new NodePackets(poly1305, mainKey, lengthKey);
  },
};

/** crypto.createMac came with Node 26; the type declarations in use are older. */
interface NodeWithMac {
  createMac?: (name: string, key: Uint8Array) => NodeMac;
}

interface NodeMac {
  update(bytes: Uint8Array): NodeMac;
  final(): Buffer;
}

type Poly1305 = (key: Buffer, first: Buffer, second?: Buffer) => Uint8Array;

/** BoringSSL (Electron) has no bare ChaCha20, and a FIPS provider refuses it. */
function hasChaCha20(): boolean {
  try {
    nodeCrypto.createCipheriv('chacha20', Buffer.alloc(32), Buffer.alloc(16));
    return true;
  } catch {
    return false;
  }
}

class NodePackets implements ChaChaPackets {
  readonly #poly1305: Poly1305;
  readonly #mainKey: nodeCrypto.KeyObject;
  readonly #lengthKey: nodeCrypto.KeyObject;
  /** OpenSSL's form of the nonce: a 64-bit block counter, here 0, then the eight bytes of the nonce proper. */
  readonly #iv = Buffer.alloc(16);

  constructor(poly1305: Poly1305, mainKey: Buffer, lengthKey: Buffer) {
    this.#poly1305 = poly1305;
    this.#mainKey = nodeCrypto.createSecretKey(mainKey);
    this.#lengthKey = nodeCrypto.createSecretKey(lengthKey);
  }

  readLength(nonce: Buffer, input: Buffer, offset: number): number {
    return this.#stream(this.#lengthKey, nonce)
      .update(input.subarray(offset, offset + 4))
      .readUInt32BE(0);
  }

  seal(nonce: Buffer, packet: Buffer, out: Buffer[]): void {
    const head = this.#stream(this.#lengthKey, nonce).update(packet.subarray(0, 4));
    const stream = this.#stream(this.#mainKey, nonce);
    const poly1305Key = oneTimeKey(stream);
    const ciphertext = stream.update(packet.subarray(4));
    const tag = this.#poly1305(poly1305Key, head, ciphertext);
    pushSealed(out, head, ciphertext, Buffer.from(tag.buffer, tag.byteOffset, tagBytes));
  }

  open(nonce: Buffer, sealed: Buffer, start: number, end: number): Buffer | null {
    const stream = this.#stream(this.#mainKey, nonce);
    const expected = this.#poly1305(oneTimeKey(stream), sealed.subarray(start, end));
    if (!timingSafeEqual(expected, sealed.subarray(end, end + tagBytes))) return null;
    return stream.update(sealed.subarray(start + 4, end));
  }

  #stream(key: nodeCrypto.KeyObject, nonce: Buffer): nodeCrypto.Cipheriv {
    this.#iv.set(nonce, 8);
    return nodeCrypto.createCipheriv('chacha20', key, this.#iv);
  }
}

/** Takes block 0 off the stream, whose start is the Poly1305 key; the stream then stands at block 1, where the body begins. */
function oneTimeKey(stream: nodeCrypto.Cipheriv): Buffer {
  return stream.update(zeros).subarray(0, poly1305KeyBytes);
}

const zeros = Buffer.alloc(chachaBlockBytes);
