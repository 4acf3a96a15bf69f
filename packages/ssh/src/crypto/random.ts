/** Random bytes: for keys and nonces straight from the system's generator, for packet padding from a pool refilled in bulk. */
import { randomFillSync, randomBytes as systemRandomBytes } from 'node:crypto';

/** `byteCount` fresh bytes from the cryptographic generator. */
export function randomBytes(byteCount: number): Buffer {
  return systemRandomBytes(byteCount);
}

/**
 * Fills buffer[start, end) with random bytes for packet padding (RFC 4253 §6). Every byte of the pool is used once.
 *
 * A call into the generator costs microseconds however few bytes are asked for, and each packet needs 4 to 19 of them, so the pool
 * takes the cost once in some hundred packets. It serves padding alone: keys, cookies and nonces come from `randomBytes`.
 */
export function fillPadding(buffer: Uint8Array, start: number, end: number): void {
  let at = start;
  while (at < end) {
    if (poolUsed === pool.length) refill();
    const byteCount = Math.min(end - at, pool.length - poolUsed);
    // A loop beats set(subarray) for the dozen bytes that padding usually is.
    for (let index = 0; index < byteCount; index++) buffer[at + index] = pool[poolUsed + index] as number;
    at += byteCount;
    poolUsed += byteCount;
  }
}

const poolBytes = 8192;
let pool: Buffer = Buffer.alloc(0);
let poolUsed = 0;

function refill(): void {
  if (pool.length === 0) pool = Buffer.alloc(poolBytes);
  randomFillSync(pool);
  poolUsed = 0;
}
