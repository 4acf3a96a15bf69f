/** ProxyCommand with ProxyUseFdpass: a program that connects for us, passes its socket back, and ends. */
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { SshError } from '../errors.ts';
import { awaitDescriptors, type DescriptorCalls } from './passed-descriptors.ts';
import type { ProxyCommandOptions } from './proxy-command.ts';

export interface ProxyDialerOptions extends ProxyCommandOptions {
  /** Given up when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a command by the shell, with a Unix socket at its stdin and stdout, and takes the connection that it passes back.
 *
 * @param command - a line for the shell: whatever went into it must have been quoted for one.
 * @throws SshError `connect-failed` where it passes none.
 */
export async function runProxyDialer(
  command: string,
  calls: DescriptorCalls,
  options: ProxyDialerOptions = {},
): Promise<Socket> {
  const { signal, stderr = 'inherit' } = options;
  const shell = options.shell ?? (process.env.SHELL || '/bin/sh');
  const [own, theirs] = calls.openSocketPair();
  let failure: Error | undefined;
  try {
    try {
      const child = spawn(shell, ['-c', `exec ${command}`], { stdio: [theirs, theirs, stderr] });
      child.once('error', (error) => {
        failure = error;
      });
      const end = () => void child.kill('SIGHUP');
      signal?.addEventListener('abort', end);
      child.once('exit', () => signal?.removeEventListener('abort', end));
      // Whether it lingers is its own affair, once we have the connection.
      child.unref();
    } finally {
      // Held by nobody but the program: its end is the end of the socket.
      closeSync(theirs);
    }
    const socketFd = () => (signal?.aborted ? undefined : own);
    const { fds, close } = await awaitDescriptors(calls, { count: 1, timeoutMs: 0, socketFd });
    return openSocket(fds[0] as number, close);
  } catch (cause) {
    throw new SshError('proxy dialer did not pass back a connection', {
      code: 'connect-failed',
      stage: 'tcp',
      remedy: `It has to pass a socket over its standard output, as nc -F does. Try it by itself: ${command}`,
      cause: failure ?? cause,
    });
  } finally {
    closeSync(own);
  }
}

function openSocket(fd: number, close: () => void): Socket {
  try {
    return new Socket({ fd, allowHalfOpen: true });
  } catch (error) {
    close();
    throw error;
  }
}
