/** Keeps what a channel receives before its application says who takes it; the receive window bounds it. */

import type { SshError } from '../errors.ts';
import type { ChannelSink } from './channel-sink.ts';

type Event =
  | { kind: 'data' | 'stderr'; chunk: Buffer }
  | { kind: 'eof' }
  | { kind: 'closed'; error: SshError | undefined };

/** The sink of a channel until another is attached. */
export class EarlySink implements ChannelSink {
  readonly #events: Event[] = [];

  data(chunk: Buffer): void {
    this.#events.push({ kind: 'data', chunk });
  }

  stderr(chunk: Buffer): void {
    this.#events.push({ kind: 'stderr', chunk });
  }

  eof(): void {
    this.#events.push({ kind: 'eof' });
  }

  closed(error: SshError | undefined): void {
    this.#events.push({ kind: 'closed', error });
  }

  /** Hands everything to the sink that took over, in order; what it does not want counts as consumed. */
  replay(sink: ChannelSink, consumed: (byteCount: number) => void): void {
    for (const event of this.#events.splice(0)) {
      if (event.kind === 'data') sink.data(event.chunk);
      else if (event.kind === 'eof') sink.eof();
      else if (event.kind === 'closed') sink.closed(event.error);
      else if (sink.stderr === undefined) consumed(event.chunk.length);
      else sink.stderr(event.chunk);
    }
  }
}
