/** The stream of a program at the other end, whose end is told only once it is known how the program ended. */
import type { ClientSession } from '../connection/index.ts';
import { releaseMemory } from '../io/index.ts';
import type { ScpStream } from '../scp/index.ts';
import type { SftpStream } from '../sftp/index.ts';

/** How long a server may take from the end of its output to saying how its program ended. */
const exitWaitMs = 1000;

/**
 * stdin and stdout of a session's program, for sftp and for scp. Their end is told with the exit status and what stderr holds, which
 * come a moment after it: whoever hears of it can say why.
 */
export function programStream({ stream, exit }: ClientSession): SftpStream & ScpStream {
  return {
    write: (bytes) => stream.write(bytes),
    on(event: 'data' | 'error' | 'end' | 'close' | 'drain', listener: (...values: (Buffer & Error)[]) => void) {
      if (event === 'error') return replay(stream, event, listener, stream.errored);
      if (event !== 'end' && event !== 'close') return stream.on(event, listener);
      const tellLater = () => {
        const timer = setTimeout(listener, exitWaitMs);
        const tell = () => {
          clearTimeout(timer);
          listener();
        };
        // A turn later, for what stderr still holds.
        exit.then(() => setImmediate(tell), tell);
      };
      return event === 'end' ? stream.on(event, tellLater) : replay(stream, event, tellLater, undefined);
    },
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    end: () => stream.end(),
    destroy: () => stream.destroy(),
    release: (chunk) => releaseMemory([chunk]),
  };
}

/** A connection may end in the very turn that brought the stream: whoever listens only now would wait for ever. */
function replay(
  stream: ClientSession['stream'],
  event: 'error' | 'close',
  listener: (error: Error & Buffer) => void,
  value: Error | null | undefined,
): unknown {
  const isMissed = stream.closed && (event === 'close' || value instanceof Error);
  if (isMissed) queueMicrotask(() => listener(value as Error & Buffer));
  return stream.on(event, listener);
}
