/** How a key agreement refuses what the peer sent. */
import { disconnectReasons, SshError } from '../../errors.ts';

/** The error for a value that the mathematics of a method does not allow; it ends the connection with reason 3. */
export function refusal(message: string, cause?: unknown): SshError {
  return new SshError(`key exchange: ${message}`, {
    code: 'kex-failed',
    stage: 'kex',
    side: 'peer',
    disconnect: disconnectReasons.keyExchangeFailed,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Refuses a value that is not exactly as long as its method says. */
export function requireLength(value: Uint8Array, byteCount: number, what: string): void {
  if (value.length !== byteCount) {
    throw refusal(`${what} must have ${byteCount} bytes, and the peer sent ${value.length}`);
  }
}
