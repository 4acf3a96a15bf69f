/** Waiting for a promise until an AbortSignal says stop. */
import { disconnectReasons, SshError } from '../errors.ts';

/** The promise's result, or a rejection `aborted` as soon as the signal fires. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) {
    promise.catch(() => undefined);
    return Promise.reject(abortError(signal));
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(abortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** The error of an aborted login, with the signal's reason as its cause. */
export function abortError(signal: AbortSignal): SshError {
  if (signal.reason instanceof SshError) return signal.reason;
  return new SshError('the login was aborted', {
    code: 'aborted',
    stage: 'auth',
    disconnect: disconnectReasons.authCancelledByUser,
    cause: signal.reason,
  });
}
