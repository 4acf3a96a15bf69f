/** How the parts of a sealed packet go out: small ones joined into one buffer, large ones as they are. */

/**
 * Pushes the parts onto `out`. Each buffer there becomes an entry of one writev, which costs a fraction of a microsecond; copying is
 * cheaper only while a packet is small enough for Node's buffer pool. All parts must be memory of the caller's own.
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

const maxJoinedBytes = 1024;
