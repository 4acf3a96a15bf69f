/** Requests over an agent stream, one at a time and in order, each settled whatever happens to the stream. */
import { SshError, toSshError } from '../errors.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import type { AgentStream } from './stream.ts';

export interface CallOptions {
  /** Gives the call up. A request already sent is answered into the void; later calls go on. */
  readonly signal?: AbortSignal | undefined;
}

interface PendingRequest {
  readonly frame: Buffer;
  readonly settle: (answer: Buffer | SshError) => void;
}

/**
 * Sends the next request only after the answer to the one before: answers bear no number, so order is all that ties them to
 * requests, and not every agent reads ahead.
 */
export class RequestQueue {
  readonly #stream: AgentStream;
  readonly #frames = new FrameReader();
  readonly #waiting: PendingRequest[] = [];
  #current: PendingRequest | undefined;
  #ended: SshError | undefined;

  constructor(stream: AgentStream) {
    this.#stream = stream;
    stream.on('data', (chunk) => this.#receive(chunk));
    stream.on('error', (cause) => this.#end(unavailable('the connection to the agent failed', cause)));
    stream.on('end', () => this.#end(unavailable('the agent closed the connection')));
    stream.on('close', () => this.#end(unavailable('the connection to the agent is closed')));
  }

  /** Sends a message and gives the answer, type byte included. */
  request(message: Uint8Array, options: CallOptions = {}): Promise<Buffer> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal));
      if (this.#ended !== undefined) return reject(this.#ended);
      const onAbort = () => {
        const at = this.#waiting.indexOf(pending);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(abortError(signal));
      };
      const pending: PendingRequest = {
        frame: encodeFrame(message),
        settle: (answer) => {
          signal?.removeEventListener('abort', onAbort);
          if (answer instanceof SshError) reject(answer);
          else resolve(answer);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(pending);
      this.#sendNext();
    });
  }

  close(): void {
    this.#end(unavailable('the connection to the agent was closed here'));
  }

  #sendNext(): void {
    if (this.#current !== undefined || this.#ended !== undefined) return;
    this.#current = this.#waiting.shift();
    if (this.#current === undefined) return;
    try {
      this.#stream.write(this.#current.frame);
    } catch (cause) {
      this.#end(unavailable('the connection to the agent failed', cause));
    }
  }

  #receive(chunk: Uint8Array): void {
    if (this.#ended !== undefined) return;
    try {
      this.#frames.push(chunk, (answer) => this.#answer(answer));
    } catch (cause) {
      this.#end(toSshError(cause, { code: 'bad-message', stage: 'agent', side: 'peer' }));
    }
  }

  #answer(answer: Buffer): void {
    if (this.#ended !== undefined) return;
    const current = this.#current;
    if (current === undefined) {
      // From here on every answer would be taken for that of another request.
      throw new SshError('the agent sent a message that nobody asked for', {
        code: 'protocol-error',
        stage: 'agent',
        side: 'peer',
      });
    }
    this.#current = undefined;
    current.settle(answer);
    this.#sendNext();
  }

  #end(error: SshError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    const open = this.#current === undefined ? this.#waiting.splice(0) : [this.#current, ...this.#waiting.splice(0)];
    this.#current = undefined;
    for (const pending of open) pending.settle(error);
    this.#stream.destroy();
  }
}

function unavailable(message: string, cause?: unknown): SshError {
  return new SshError(message, {
    code: 'agent-unavailable',
    stage: 'agent',
    remedy: 'Check that the agent runs and that SSH_AUTH_SOCK names its socket (ssh-add -l).',
    ...(cause === undefined ? {} : { cause }),
  });
}

function abortError(signal: AbortSignal | undefined): SshError {
  return new SshError('the request to the agent was given up', {
    code: 'aborted',
    stage: 'agent',
    cause: signal?.reason,
  });
}
