/** Answers the requests that come over one agent stream, one at a time and in order, whoever knows the answers. */
import { SshError, toSshError } from '../errors.ts';
import { maxPendingRequests } from '../limits.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import type { AgentStream } from './stream.ts';

/**
 * Serves one client until its stream ends.
 *
 * @param answer - gives the answer to a request, type bytes included; where it rejects, the stream is cut off.
 * @returns settles when the client is gone; undefined where it left in order, otherwise why it was cut off.
 */
export function serveRequests(
  stream: AgentStream,
  answer: (request: Buffer) => Promise<Buffer>,
): Promise<SshError | undefined> {
  const frames = new FrameReader();
  const waiting: Buffer[] = [];
  let settle: (error: SshError | undefined) => void = () => {};
  const closed = new Promise<SshError | undefined>((resolve) => {
    settle = resolve;
  });
  let ended = false;
  let busy = false;
  let full = false;

  function end(error: SshError | undefined): void {
    if (ended) return;
    ended = true;
    waiting.length = 0;
    stream.destroy();
    settle(error);
  }

  async function work(): Promise<void> {
    if (busy) return;
    busy = true;
    // A client that does not read leaves its requests waiting, of which there is a limit, and no answers pile up.
    while (!ended && !full) {
      const request = waiting.shift();
      if (request === undefined) break;
      const reply = await answer(request);
      if (!ended && stream.write(encodeFrame(reply)) === false) full = true;
    }
    busy = false;
  }

  function goOn(): void {
    work().catch((cause) => end(toSshError(cause, { code: 'connection-lost', stage: 'agent' })));
  }

  stream.on('data', (chunk) => {
    if (ended) return;
    try {
      frames.push(chunk, (request) => {
        // A client that asks on without reading would have us hold its requests without end.
        if (waiting.length >= maxPendingRequests) throw tooMany();
        waiting.push(request);
      });
    } catch (cause) {
      return end(toSshError(cause, { code: 'bad-message', stage: 'agent', side: 'peer' }));
    }
    goOn();
  });
  stream.on('drain', () => {
    full = false;
    goOn();
  });
  stream.on('error', (cause) => end(toSshError(cause, { code: 'connection-lost', stage: 'agent' })));
  stream.on('end', () => end(undefined));
  stream.on('close', () => end(undefined));
  return closed;
}

function tooMany(): SshError {
  return new SshError(`more than ${maxPendingRequests} requests wait for an answer`, {
    code: 'limit-exceeded',
    stage: 'agent',
    side: 'peer',
  });
}
