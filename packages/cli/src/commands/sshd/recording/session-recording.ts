/** One session's side of its recording: decodes what passes, tells when it passed, and holds the program back while the disk is slow. */
import type { Readable } from 'node:stream';
import type { Output } from '../pump.ts';
import type { RecordingOutcome, RecordingSink } from './types.ts';

interface RecordingRules {
  /** What is typed is recorded as well. */
  readonly hasInput: boolean;
  /** Bytes of output that are kept; undefined for all. */
  readonly limitBytes: number | undefined;
}

export class SessionRecording {
  readonly #sink: RecordingSink | undefined;
  readonly #rules: RecordingRules;
  readonly #startMs = performance.now();
  #outputBytes = 0;
  #isCut = false;
  #isOver = false;
  #isSizeWaiting = false;
  #nextSize: string | undefined;

  /** @param sink - undefined counts what passes and keeps nothing of it. */
  constructor(sink: RecordingSink | undefined, rules: RecordingRules) {
    this.#sink = sink;
    this.#rules = rules;
  }

  /** The same output, recorded as it passes. */
  tap(output: Output): Output {
    // Of their own each: a character of the one may be cut by bytes of the other.
    const decoders = { data: createDecoder(), stderr: createDecoder(), datagram: createDecoder() };
    return {
      write: (chunk, kind = 'data', sent) => {
        const wait = this.#note(chunk, decoders[kind]);
        output.write(chunk, kind, wait === undefined ? sent : (error) => void wait.then(() => sent?.(error)));
      },
    };
  }

  /** Records what is typed, where that is wanted. */
  watchInput(stream: Readable): void {
    if (!this.#rules.hasInput || this.#sink === undefined) return;
    const decoder = createDecoder();
    // This call, unlike on(), does not make the stream flow: nobody is there yet who would take what comes.
    stream.prependListener('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      const wait = this.#sink?.write('i', this.#seconds, decoder(chunk));
      if (wait === undefined) return;
      stream.pause();
      void wait.then(() => stream.resume());
    });
  }

  /** While the disk is slow only the last size is kept: a client may send them without end. */
  resize({ columns, rows }: { readonly columns: number; readonly rows: number }): void {
    const size = `${Math.max(1, columns)}x${Math.max(1, rows)}`;
    if (this.#isSizeWaiting) {
      this.#nextSize = size;
      return;
    }
    const wait = this.#isOver ? undefined : this.#sink?.write('r', this.#seconds, size);
    if (wait === undefined) return;
    this.#isSizeWaiting = true;
    void wait.then(() => {
      this.#isSizeWaiting = false;
      const next = this.#nextSize;
      this.#nextSize = undefined;
      if (next !== undefined && !this.#isOver) void this.#sink?.write('r', this.#seconds, next);
    });
  }

  /** The program has ended. Rejects where the recording is not whole. */
  async end(exit: RecordingOutcome['exit']): Promise<RecordingOutcome> {
    this.#isOver = true;
    const outcome = { exit, seconds: this.#seconds, outputBytes: this.#outputBytes, isCut: this.#isCut };
    await this.#sink?.end(outcome);
    return outcome;
  }

  #note(chunk: Buffer, decode: (chunk: Buffer) => string): Promise<void> | undefined {
    const { limitBytes = Number.POSITIVE_INFINITY } = this.#rules;
    const left = Math.max(0, limitBytes - this.#outputBytes);
    this.#outputBytes += chunk.length;
    if (this.#sink === undefined || this.#isOver || this.#isCut) return undefined;
    this.#isCut = chunk.length > left;
    return this.#sink.write('o', this.#seconds, decode(this.#isCut ? chunk.subarray(0, left) : chunk));
  }

  get #seconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }
}

/** UTF-8 whose characters may come in pieces; what is none becomes U+FFFD. */
function createDecoder(): (chunk: Buffer) => string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return (chunk) => decoder.decode(chunk, { stream: true });
}
