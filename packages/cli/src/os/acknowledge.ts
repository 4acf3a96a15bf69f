/** Lets no client wait for the acknowledgement of what it sent. */
import { isForcedOff } from './fast-paths.ts';
import { tryPlatform } from './native.ts';

const isOff = isForcedOff('NACRE_QUICK_ACK');

/** Has TCP acknowledge now what was read; a stream that is no socket of ours, or a system without the call, does so in its own time. */
export function acknowledgeAtOnce(stream: object): void {
  const fd = (stream as { readonly _handle?: { readonly fd?: number } })._handle?.fd ?? -1;
  if (isOff || fd < 0) return;
  try {
    tryPlatform()?.acknowledge(fd);
  } catch {
    // No TCP, or the client has gone.
  }
}
