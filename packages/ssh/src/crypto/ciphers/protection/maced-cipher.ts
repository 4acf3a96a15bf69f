/** Makes a row of the cipher table from a cipher that needs a MAC beside it. */
import { createSecretKey } from 'node:crypto';
import type { CipherAlgorithm, DirectionKeys, MacAlgorithm } from '../../packet-protection.ts';
import type { Direction, MacedParts, StartMode } from './block-mode.ts';
import { EncryptAndMacOpener, EncryptAndMacSealer } from './encrypt-and-mac.ts';
import { EncryptThenMacOpener, EncryptThenMacSealer } from './encrypt-then-mac.ts';
import { misuse, requireKeys } from './requirements.ts';

/** Name and sizes of the cipher; `start` sets up one direction. */
export type MacedCipherInit = Pick<CipherAlgorithm, 'name' | 'keyBytes' | 'ivBytes' | 'blockBytes' | 'legacy'> & {
  start: StartMode;
  /** Each block's decryption depends on the one before (CBC): see PacketOpener.hidesBadLength. */
  chained?: true;
};

/** A cipher row whose sealers and openers follow the MAC: encrypt-then-MAC where it is an -etm variant, encrypt-and-MAC else. */
export function macedCipher({ start, chained, ...sizes }: MacedCipherInit): CipherAlgorithm {
  const row = { ...sizes, aead: false };
  const assemble = (direction: Direction, keys: DirectionKeys, mac: MacAlgorithm | null): MacedParts => {
    requireKeys(row, keys, mac);
    if (mac === null) throw misuse(`${row.name} needs a MAC beside it`);
    const key = createSecretKey(keys.key);
    return {
      cipherName: row.name,
      blockBytes: row.blockBytes,
      mode: start(direction, key, keys.iv),
      chained: chained ?? false,
      key,
      mac,
      computeMac: mac.create(keys.macKey),
      macKey: createSecretKey(keys.macKey),
    };
  };
  return {
    ...row,
    createSealer(keys, mac) {
      const parts = assemble('encrypt', keys, mac);
      return parts.mac.etm ? new EncryptThenMacSealer(parts) : new EncryptAndMacSealer(parts);
    },
    createOpener(keys, mac) {
      const parts = assemble('decrypt', keys, mac);
      return parts.mac.etm ? new EncryptThenMacOpener(parts) : new EncryptAndMacOpener(parts);
    },
  };
}
