/** Bodies of mpints (RFC 4251 §5) for public values and secrets that are numbers. */
import { refusal } from './refusal.ts';

/** Unsigned big-endian bytes as an mpint's body: no superfluous zeros in front, one where the top bit is set. */
export function encodeMpintBody(unsigned: Uint8Array): Buffer {
  const digits = trimZeros(unsigned);
  const padding = digits.length > 0 && digits[0]! >= 0x80 ? 1 : 0;
  const body = Buffer.alloc(digits.length + padding);
  body.set(digits, padding);
  return body;
}

/**
 * The unsigned bytes of a positive mpint's body.
 *
 * A body with superfluous zeros is refused: the two ends could put different bytes of it into the exchange hash.
 */
export function decodeMpintBody(body: Uint8Array, what: string): Uint8Array {
  if (body.length === 0) throw refusal(`${what} is zero`);
  const first = body[0]!;
  if (first >= 0x80) throw refusal(`${what} is negative`);
  if (first !== 0) return body;
  if (body.length === 1 || body[1]! < 0x80) throw refusal(`${what} has superfluous zeros in front`);
  return body.subarray(1);
}

/** The view without zeros in front. */
export function trimZeros(unsigned: Uint8Array): Uint8Array {
  let start = 0;
  while (start < unsigned.length && unsigned[start] === 0) start++;
  return unsigned.subarray(start);
}
