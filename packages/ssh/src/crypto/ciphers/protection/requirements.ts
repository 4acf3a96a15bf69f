/** What every sealer and opener checks before it touches a key or a packet, and the one error for a packet that fails its check. */
import { disconnectReasons, SshError } from '../../../errors.ts';
import type { CipherAlgorithm, DirectionKeys, MacAlgorithm } from '../../packet-protection.ts';

/** Throws `misuse` unless keys have the lengths that the algorithms ask for, and a MAC is there exactly where one is needed. */
export function requireKeys(
  cipher: Pick<CipherAlgorithm, 'name' | 'keyBytes' | 'ivBytes' | 'aead'>,
  keys: DirectionKeys,
  mac: MacAlgorithm | null,
): void {
  if (keys.key.length !== cipher.keyBytes) {
    throw misuse(`${cipher.name} takes a key of ${cipher.keyBytes} bytes, not ${keys.key.length}`);
  }
  if (keys.iv.length !== cipher.ivBytes) {
    throw misuse(`${cipher.name} takes an IV of ${cipher.ivBytes} bytes, not ${keys.iv.length}`);
  }
  if (cipher.aead && mac !== null)
    throw misuse(`${cipher.name} authenticates by itself and takes no MAC, but ${mac.name} came`);
}

/** Throws `misuse` unless the whole sealed packet lies within `input`: the packet layer must have waited for it. */
export function requireWholePacket(input: Buffer, offset: number, packetLength: number, trailerBytes: number): void {
  if (packetLength > 0 && offset >= 0 && offset + 4 + packetLength + trailerBytes <= input.length) return;
  throw misuse(
    `a packet of length ${packetLength} with ${trailerBytes} bytes of tag at offset ${offset} is not within the ${input.length} bytes given`,
  );
}

/**
 * The error for a packet whose tag or MAC is wrong. It tells nothing of what was in the packet or how far the check came, so a
 * forger learns no more than that the forgery failed.
 */
export function corruptedMac(sequence: number): SshError {
  return new SshError(`Corrupted MAC on input: packet ${sequence} of this direction is not what the peer sealed`, {
    code: 'bad-mac',
    stage: 'transport',
    side: 'peer',
    disconnect: disconnectReasons.macError,
    remedy:
      'Something between the two ends changed the bytes; connect again, and look at the network if it comes back.',
  });
}

/** A wrong call from within this process. */
export function misuse(message: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'transport' });
}
