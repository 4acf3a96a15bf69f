/** The wire form of signatures (RFC 4253 §6.6): string algorithm, string blob, and for security keys flags and counter. */

import { maxAlgorithmNameBytes } from '../limits.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { parsingKey } from './key-error.ts';

export interface WireSignature {
  readonly algorithm: string;
  readonly body: Buffer;
  /** What follows the two strings; empty except for security keys. */
  readonly rest: Buffer;
}

/** Puts a signature into its wire form. */
export function encodeSignature(algorithm: string, body: Uint8Array, rest: Uint8Array = Buffer.alloc(0)): Buffer {
  return new WireWriter(body.length + rest.length + 64).string(algorithm).string(body).fixed(rest).finish();
}

/**
 * Takes a signature apart without judging it.
 *
 * @throws SshError `bad-key` where it is cut or its algorithm is no name.
 */
export function decodeSignature(signature: Uint8Array): WireSignature {
  return parsingKey(() => {
    const reader = new WireReader(signature, 'signature');
    const algorithm = reader.ascii('algorithm', maxAlgorithmNameBytes);
    return { algorithm, body: reader.string('signature'), rest: reader.rest() };
  });
}

/** r and s as ECDSA signatures carry them (RFC 5656 §3.1.2). */
export function encodeEcdsaBody(r: Uint8Array, s: Uint8Array): Buffer {
  return new WireWriter(160).mpint(r).mpint(s).finish();
}

/** Reads what `encodeEcdsaBody` wrote; nothing may be left over. */
export function decodeEcdsaBody(body: Uint8Array): { r: Buffer; s: Buffer } {
  const reader = new WireReader(body, 'ECDSA signature');
  const r = reader.unsignedMpint('r', 67);
  const s = reader.unsignedMpint('s', 67);
  reader.finish();
  return { r, s };
}
