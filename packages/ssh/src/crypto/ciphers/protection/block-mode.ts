/** What encrypt-then-MAC and encrypt-and-MAC ask of a cipher that runs on from packet to packet. */
import type { KeyObject } from 'node:crypto';
import type { MacAlgorithm, PacketProtectionState } from '../../packet-protection.ts';

/** One direction's cipher, set up once: CTR and CBC both go on where the last packet ended (RFC 4344 §4, RFC 4253 §6.3). */
export interface BlockMode {
  /** Encrypts or decrypts whole blocks into memory of their own. */
  update(bytes: Buffer): Buffer;
  /** The same into memory that is given, which may be that of the bytes; where the cipher can. It may come to be set after a packet. */
  readonly updateInto?: ((target: Buffer, bytes: Buffer) => void) | undefined;
  /** Notes that the ciphertext at bytes[start, end) makes up a finished packet; `iv()` then stands behind it. */
  passed(bytes: Buffer, start: number, end: number): void;
  /** The IV with which another process goes on after the last finished packet. */
  iv(): Buffer;
}

/** Everything a sealer or opener with a MAC of its own is made of. */
export interface MacedParts {
  readonly cipherName: string;
  readonly blockBytes: number;
  readonly mode: BlockMode;
  readonly chained: boolean;
  readonly key: KeyObject;
  readonly mac: MacAlgorithm;
  readonly macKey: KeyObject;
  readonly computeMac: ReturnType<MacAlgorithm['create']>;
}

export type Direction = 'encrypt' | 'decrypt';

/** Sets up the mode of one direction. */
export type StartMode = (direction: Direction, key: KeyObject, iv: Buffer) => BlockMode;

/** The state that goes to another process: always as of the last finished packet. */
export function exportMacedState(parts: MacedParts): PacketProtectionState {
  return {
    cipher: parts.cipherName,
    mac: parts.mac.name,
    key: parts.key.export(),
    iv: parts.mode.iv(),
    macKey: parts.macKey.export(),
  };
}
