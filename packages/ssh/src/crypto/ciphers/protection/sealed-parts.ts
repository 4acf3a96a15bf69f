/** How the parts of a sealed packet go out: small ones joined into one buffer, large ones as they are. */

/**
 * Pushes the parts onto `out`. Each buffer there becomes an entry of one writev and an object in the socket's queue. Up to about a
 * kilobyte, copying the parts together costs no more than the two entries it saves (measured over loopback: within 5 %); at 32 KiB
 * it would add 10 µs to 23. All parts must be memory of the caller's own.
 */
export function pushSealed(out: Buffer[], first: Buffer, second: Buffer, third?: Buffer): void {
  const byteCount = first.length + second.length + (third === undefined ? 0 : third.length);
  if (byteCount > maxJoinedBytes) {
    out.push(first, second);
    if (third !== undefined) out.push(third);
    return;
  }
  const joined = Buffer.allocUnsafe(byteCount);
  joined.set(first, 0);
  joined.set(second, first.length);
  if (third !== undefined) joined.set(third, first.length + second.length);
  out.push(joined);
}

/**
 * Memory for a packet. Of large ones each has its own, which can be given back at once (io/release-memory.ts); small ones share
 * Node's pool.
 */
export function ownMemory(byteCount: number): Buffer {
  return byteCount < smallestOwned ? Buffer.allocUnsafe(byteCount) : Buffer.allocUnsafeSlow(byteCount);
}

const smallestOwned = 1024;
const maxJoinedBytes = 1024;
