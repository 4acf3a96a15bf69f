/** The other end of a conversation: lines, single bytes and bulk data out of a stream, with back-pressure both ways. */
import { type SshError, toSshError } from '../errors.ts';
import { maxScpLineBytes, maxShownBytes } from '../limits.ts';
import { printable } from '../wire/index.ts';
import { badScp, scpError } from './scp-error.ts';
import type { ScpStream } from './stream.ts';

/** What the other end thinks of what we sent. */
export type ScpStatus = { readonly kind: 'ok' } | { readonly kind: 'error'; readonly text: string };

/** The stream is paused while this much waits to be read, and goes on when half of it was. */
const readAheadBytes = 1024 * 1024;
const lineFeed = 0x0a;
const none = Buffer.alloc(0);
const okByte = Buffer.of(0);

export interface ScpPeerOptions {
  /** Ends the conversation, and every call that waits in it. */
  readonly signal?: AbortSignal | undefined;
}

/** One conversation's stream. After the first error every call fails with it. */
export class ScpPeer {
  readonly #stream: ScpStream;
  readonly #signal: AbortSignal | undefined;
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #paused = false;
  /** The other end writes no more. */
  #ended = false;
  #error: SshError | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  constructor(stream: ScpStream, { signal }: ScpPeerOptions = {}) {
    this.#stream = stream;
    this.#signal = signal;
    stream.on('data', (chunk) => this.#receive(chunk));
    stream.on('end', () => {
      this.#ended = true;
      this.#wakeReader?.();
    });
    stream.on('drain', () => this.#wakeWriter?.());
    stream.on('error', (error) => this.fail(toSshError(error, { code: 'connection-lost', stage: 'scp' })));
    stream.on('close', () => {
      this.#error ??= scpError('connection-lost', 'the other end closed the connection', { side: 'peer' });
      this.#wakeReader?.();
      this.#wakeWriter?.();
    });
    if (signal?.aborted) this.#abort();
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Ends the conversation with an error, for both ends. */
  fail(error: SshError): void {
    this.#error ??= error;
    this.#ended = false;
    this.#chunks = [];
    this.#waitingBytes = 0;
    this.#stream.destroy();
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  /** The conversation is over: the stream is let go. */
  release(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
  }

  /** Says that no more is written. */
  end(): void {
    if (this.#error === undefined) this.#stream.end();
  }

  /** Resolves when the stream takes more. What it took may still be on its way. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    if (this.#stream.write(bytes) !== false) return;
    await new Promise<void>((resolve) => {
      this.#wakeWriter = resolve;
    });
    this.#wakeWriter = undefined;
    this.#requireOpen();
  }

  /** "All is well so far." */
  async writeOk(): Promise<void> {
    await this.write(okByte);
  }

  /** Tells the other end of an error, after which it goes on (1) or not (2). */
  async writeError(text: string, kind: 1 | 2 = 1): Promise<void> {
    const line = Buffer.from(`scp: ${printable(text, 'one')}`, 'utf8').subarray(0, maxShownBytes);
    await this.write(Buffer.concat([Buffer.of(kind), line, Buffer.of(lineFeed)]));
  }

  /** The next line without its line feed; undefined where the stream ended before it began. */
  async readLine(): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let length = 0;
    for (;;) {
      if (!(await this.#fill())) {
        if (length === 0) return undefined;
        throw this.#stopped('in the middle of a line');
      }
      const chunk = this.#chunks[0] as Buffer;
      const at = chunk.indexOf(lineFeed);
      const part = this.#take(at < 0 ? chunk.length : at + 1);
      length += part.length;
      if (length > maxScpLineBytes) {
        throw badScp(`the other end sent a line of more than ${maxScpLineBytes} bytes`, { code: 'limit-exceeded' });
      }
      parts.push(part);
      if (at >= 0) break;
    }
    const line = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, length);
    return line.subarray(0, -1);
  }

  /** What the other end says to what we sent. @throws SshError where it gives up, or speaks another protocol. */
  async readStatus(): Promise<ScpStatus> {
    if (!(await this.#fill())) throw this.#stopped('without an answer');
    const kind = (this.#chunks[0] as Buffer)[0] as number;
    if (kind === 0) {
      this.#take(1);
      return { kind: 'ok' };
    }
    const line = (await this.readLine()) ?? none;
    if (kind === 1) return { kind: 'error', text: shownText(line.subarray(1)) };
    if (kind === 2) throw gaveUp(line);
    throw noScp(line);
  }

  /** What of the data is there: at least one byte and at most `byteCount`, as views. @throws SshError where the stream ended. */
  async readData(byteCount: number): Promise<Buffer[]> {
    if (!(await this.#fill())) throw this.#stopped('in the middle of a file');
    const views: Buffer[] = [];
    for (let left = byteCount; left > 0; ) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) break;
      views.push(this.#take(Math.min(left, chunk.length)));
      left -= (views.at(-1) as Buffer).length;
    }
    return views;
  }

  readonly #abort = (): void => {
    this.fail(scpError('aborted', 'the transfer was aborted', { cause: this.#signal?.reason }));
  };

  #receive(chunk: Buffer): void {
    if (this.#error !== undefined || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= readAheadBytes && !this.#paused) {
      this.#paused = true;
      this.#stream.pause();
    }
    this.#wakeReader?.();
  }

  #requireOpen(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** Waits until there is something to read; false where the other end has ended in good order. */
  async #fill(): Promise<boolean> {
    while (this.#chunks.length === 0) {
      if (this.#ended) return false;
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
      this.#wakeReader = undefined;
    }
    return true;
  }

  /** The first bytes of the first chunk. */
  #take(byteCount: number): Buffer {
    const chunk = this.#chunks[0] as Buffer;
    if (byteCount === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(byteCount);
    this.#waitingBytes -= byteCount;
    if (this.#paused && this.#waitingBytes < readAheadBytes / 2) {
      this.#paused = false;
      this.#stream.resume();
    }
    return chunk.subarray(0, byteCount);
  }

  #stopped(when: string): SshError {
    return scpError('connection-lost', `the other end stopped ${when}`, { side: 'peer' });
  }
}

/** Error 2: the other end goes on no further. */
export function gaveUp(line: Buffer): SshError {
  return scpError('operation-failed', `the other end gave up: ${shownText(line.subarray(1))}`, { side: 'peer' });
}

/** Neither a record nor a status: most often words of a shell. */
export function noScp(line: Buffer): SshError {
  return badScp(`the other end does not speak scp; it said "${shownText(line)}"`, {
    remedy:
      'Either there is no scp on that machine, or a login script there prints text in sessions without a terminal. ' +
      'SFTP needs neither.',
  });
}

/** Text of the other end's, made safe; `scp: ` before it says nothing new. */
function shownText(line: Buffer): string {
  return printable(line.subarray(0, maxShownBytes), 'one').replace(/^scp: /, '');
}
