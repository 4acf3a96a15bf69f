/** Waits for a socket that is being connected. */
import type { Socket } from 'node:net';

/**
 * The socket, once it stands; whoever gets it listens for its errors from then on.
 *
 * @param signal - gives up waiting and destroys the socket.
 * @throws the system's error, or the reason of the signal.
 * @example
 * const socket = await connected(connect({ path: '/run/agent' }));
 */
export function connected(socket: Socket, signal?: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
    };
    const onError = (error: Error): void => {
      stop();
      reject(error);
    };
    const onAbort = (): void => {
      stop();
      // What a connect that is under way comes to is nobody's business any more.
      socket.on('error', () => {});
      socket.destroy();
      reject(signal?.reason as Error);
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      stop();
      resolve(socket);
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
