/** The remote end of scp: what `scp -t` and `scp -f` do over their standard input and output. */
import type { Readable, Writable } from 'node:stream';
import { runSink, runSource, type ScpConversationOptions, ScpPeer, type ScpStream } from '../scp/index.ts';
import { localScpFiles } from './scp-local-files.ts';

/** Where the conversation runs: `process.stdin` and `process.stdout`, or the streams of a server's program. */
export interface ScpEnd {
  readonly input: Readable;
  readonly output: Writable;
}

export interface ScpEndOptions extends Omit<ScpConversationOptions, 'rateLimit'> {
  /** The target has to be a folder (`-d`). */
  readonly targetIsFolder?: boolean;
  /** Taken from the modes of new files where they are not preserved, beside what this process's own umask takes. */
  readonly umask?: number;
}

/**
 * Receives for another end's client: `scp -t`. Whoever logged in decides what is sent, and writes with the rights of this process.
 *
 * @param target - a path of this machine.
 * @returns the exit status: 1 where anything failed. What failed was told to the other end, and to `onFailure`.
 */
export async function runScpSink(end: ScpEnd, target: Uint8Array, options: ScpEndOptions = {}): Promise<number> {
  const peer = new ScpPeer(joinEnd(end), options);
  try {
    const { failures } = await runSink(peer, Buffer.from(target), localScpFiles, options);
    return failures > 0 ? 1 : 0;
  } catch {
    return 1;
  } finally {
    peer.end();
  }
}

/** Sends for another end's client: `scp -f`. The same for the exit status. */
export async function runScpSource(
  end: ScpEnd,
  paths: readonly Uint8Array[],
  options: ScpEndOptions = {},
): Promise<number> {
  const peer = new ScpPeer(joinEnd(end), options);
  try {
    const sources = paths.map((path) => Buffer.from(path));
    const { failures } = await runSource(peer, sources, localScpFiles, options);
    return failures > 0 ? 1 : 0;
  } catch {
    return 1;
  }
}

function joinEnd({ input, output }: ScpEnd): ScpStream {
  return {
    write: (bytes) => output.write(bytes),
    on(event: 'data' | 'error' | 'end' | 'close' | 'drain', listener: (...values: (Buffer & Error)[]) => void) {
      if (event === 'data' || event === 'end' || event === 'error') input.on(event, listener);
      if (event === 'drain' || event === 'close' || event === 'error') output.on(event, listener);
      // A client that ended its side may still be written to; one that broke off may not.
      if (event === 'close') input.on('close', () => !input.readableEnded && listener());
    },
    pause: () => input.pause(),
    resume: () => input.resume(),
    end: () => output.end(),
    destroy: () => {
      input.destroy();
      // Its last words are written out first: they say what went wrong.
      output.end();
    },
  };
}
