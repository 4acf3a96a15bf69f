/** Waits for file descriptors that another process passes over a Unix socket, with calls that plain Node lacks. */
import { close } from 'node:fs';
import { SshError } from '../errors.ts';
import type { PassedDescriptors } from '../mux/index.ts';

/** What is asked of the system; the library itself loads no native code. */
export interface DescriptorCalls {
  /** One byte of a Unix socket and the descriptors that came with it (recvmsg(2), SCM_RIGHTS). Must not wait. */
  receiveDescriptors(socketFd: number): ReceivedDescriptors;
  /** Two Unix sockets, connected with each other (socketpair(2)). */
  openSocketPair(): readonly [number, number];
}

export type ReceivedDescriptors = 'nothing' | 'ended' | { readonly fds: readonly number[]; readonly isWhole: boolean };

export interface AwaitOptions {
  /** How many bytes with one descriptor each. */
  readonly count: number;
  /** 0 for as long as it takes. */
  readonly timeoutMs: number;
  /** The socket to read; undefined once it is closed. */
  readonly socketFd: () => number | undefined;
}

/** They mostly are there already: between two looks at an empty socket is little time at first, and never much. */
const [firstPauseMs, longestPauseMs] = [1, 20];

/**
 * Node cannot tell that a socket has something to read without reading it, which would lose the descriptors, and a thread that
 * waits in poll(2) is one of four: a few silent clients would have them all. So it looks, again and again.
 *
 * @throws SshError `protocol-error` where bytes come with none or with several, `connection-lost`, `timeout`.
 */
export async function awaitDescriptors(
  { receiveDescriptors }: Pick<DescriptorCalls, 'receiveDescriptors'>,
  { count, timeoutMs, socketFd }: AwaitOptions,
): Promise<PassedDescriptors> {
  const passed = new Passed();
  const startedMs = performance.now();
  let pauseMs = firstPauseMs;
  try {
    while (passed.fds.length < count) {
      const fd = socketFd();
      const received = fd === undefined ? 'ended' : receiveDescriptors(fd);
      if (received === 'ended') throw passingError('connection-lost', 'the other end went without passing descriptors');
      if (received !== 'nothing') {
        // All of them are ours by now, wanted or not.
        passed.fds.push(...received.fds);
        if (received.fds.length === 1 && received.isWhole) continue;
        throw passingError('protocol-error', `${received.fds.length} file descriptors came in place of one`);
      }
      if (timeoutMs > 0 && performance.now() - startedMs > timeoutMs) {
        throw passingError('timeout', `no file descriptor came within ${timeoutMs / 1000} seconds`);
      }
      await pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
    return passed;
  } catch (error) {
    passed.close();
    throw error;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

class Passed implements PassedDescriptors {
  readonly fds: number[] = [];

  readonly close = (): void => {
    // By a thread: closing may take as long as whoever passed them wishes (SO_LINGER).
    for (const fd of this.fds.splice(0)) close(fd, () => {});
  };
}

function passingError(code: 'connection-lost' | 'protocol-error' | 'timeout', message: string): SshError {
  return new SshError(message, { code, stage: 'channel', side: 'peer' });
}
