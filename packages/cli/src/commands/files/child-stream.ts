/** A program on this machine, by its pipes: one stream, which ends when the program's output does. */
import type { ChildProcess } from 'node:child_process';
import type { ScpStream } from '@nacre/ssh/scp';
import type { SftpStream } from '@nacre/ssh/sftp';
import { failureStatus } from '../ssh/end.ts';
import type { RemoteProgram } from './host.ts';

/** A child as the tools take a program on a host. */
export function childProgram(child: ChildProcess, firstInput?: Uint8Array): RemoteProgram {
  const exit = new Promise<number>((resolve) => {
    child.once('close', (status) => resolve(status ?? failureStatus));
    child.once('error', () => resolve(failureStatus));
  });
  const stream = childStream(child);
  if (firstInput !== undefined) stream.write(firstInput);
  return { stream, exit };
}

/**
 * Not a Duplex of the two: that is destroyed when one of both is, and a program that has said everything may be gone, and its stdin
 * with it, before its last words are read.
 */
export function childStream({ stdin, stdout }: ChildProcess): SftpStream & ScpStream {
  if (stdin === null || stdout === null) throw new Error('the program was started without pipes');
  // Nobody reads any more, of which the end of its output tells.
  stdin.on('error', () => {});
  return {
    write: (bytes) => stdin.destroyed || stdin.write(bytes),
    on(event: 'data' | 'error' | 'end' | 'close' | 'drain', listener: (...values: (Buffer & Error)[]) => void) {
      if (event !== 'drain') return stdout.on(event, listener);
      // Whoever waits for room need not wait for a reader that has gone.
      stdin.on('close', listener);
      return stdin.on('drain', listener);
    },
    pause: () => stdout.pause(),
    resume: () => stdout.resume(),
    end: () => stdin.end(),
    destroy: () => {
      stdin.destroy();
      stdout.destroy();
    },
  };
}
