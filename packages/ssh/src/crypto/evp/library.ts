/** The OpenSSL of this very process, called without node:crypto in between, for bulk: one context for all packets, and memory of ours. */
import { createRequire } from 'node:module';
import { isForcedOff } from '../../fast-paths.ts';
import { type Bindings, bindEvp } from './bindings.ts';
import { computesAsNodeDoes } from './self-check.ts';

/** Loading takes 10 to 30 ms, and is worth it once so many bytes have passed in a direction. */
const bulkBytes = 4 * 1024 * 1024;
/** Once it is loaded, less will do: only a connection that has done no more than log in is not worth a few KiB of contexts. */
export const busyBytes = 8 * 1024;
const preparationDelayMs = 100;

/** undefined before it was asked for, null where it is not to be had. */
let found: Bindings | null | undefined;
let leastBytes = bulkBytes;

/**
 * OpenSSL's calls for a direction that `passedBytes` went through already; undefined while that is too little for them to be worth
 * it, and where they cannot be had: without koffi, in a Node whose OpenSSL is hidden or another library, and where
 * NACRE_CRYPTO=fallback or NACRE_EVP=off is set.
 */
export function evpForBulk(passedBytes: number): Bindings | undefined {
  return passedBytes < leastBytes ? undefined : loadEvp(busyBytes);
}

/**
 * Has ciphers call OpenSSL directly before bulk asks for it: a key is then on its way some tenth of a millisecond earlier. Waits until
 * the program has done what is urgent.
 */
export function prepareCiphers(): void {
  setTimeout(() => loadEvp(busyBytes), preparationDelayMs).unref();
}

/** @param fromBytes - how much must pass in a direction from now on before it uses them; tests ask for the first packet. */
export function loadEvp(fromBytes = 0): Bindings | undefined {
  leastBytes = Math.min(leastBytes, fromBytes);
  if (found === undefined) found = load();
  return found ?? undefined;
}

/** For tests of what happens before: the next one who asks finds nothing loaded. */
export function forgetEvp(): void {
  found = undefined;
  leastBytes = bulkBytes;
}

function load(): Bindings | null {
  if (isForcedOff('NACRE_CRYPTO') || isForcedOff('NACRE_EVP')) return null;
  try {
    const bindings = bindEvp(createRequire(import.meta.url)('koffi'));
    // A wrong guess about another build's calls must show here, and not on somebody's data.
    return computesAsNodeDoes(bindings) ? bindings : null;
  } catch {
    // Not installed, no binary for this platform, or no such symbols: node:crypto does the work.
    return null;
  }
}
