/** The client's own terminal: raw mode entered and always left, its modes and size for a pty-req, and its resizes. */
import { isatty, ReadStream, WriteStream } from 'node:tty';
import { tryPlatform } from '../os/native.ts';
import type { Platform, WindowSize } from '../os/platform.ts';
import type { TerminalMode } from '../os/terminal-modes.ts';
import { makeRaw, readTerminalModes } from '../os/termios.ts';
import { TerminalGuard } from './guard.ts';

/** A terminal of ours, by descriptor. */
export class Terminal {
  readonly #fd: number;
  readonly #native: Platform | undefined;
  #saved: Buffer | 'by-node' | undefined;
  #raw = false;
  #guard: TerminalGuard | undefined;
  #fallbackStream: ReadStream | undefined;

  private constructor(fd: number, native: Platform | undefined) {
    this.#fd = fd;
    this.#native = native;
  }

  /** Opens a descriptor as a terminal; undefined where it is none. Loads koffi. */
  static open(fd: number): Terminal | undefined {
    return isatty(fd) ? new Terminal(fd, tryPlatform()) : undefined;
  }

  get isRaw(): boolean {
    return this.#raw;
  }

  /** The modes to send in a pty-req (RFC 4254 §8), as they were before raw mode; none where they cannot be read. */
  readModes(): TerminalMode[] {
    if (this.#native === undefined) return [];
    const termios = this.#saved instanceof Buffer ? this.#saved : this.#native.getTermios(this.#fd);
    return readTerminalModes(this.#native.layout, termios);
  }

  /** Columns and rows, and pixels where the terminal tells them. */
  readSize(): WindowSize {
    if (this.#native !== undefined) return this.#native.getWindowSize(this.#fd);
    const stream = new WriteStream(this.#fd);
    const [columns, rows] = stream.getWindowSize();
    return { columns, rows, widthPixels: 0, heightPixels: 0 };
  }

  /** Calls back with the new size whenever the window changes; the returned function ends that. */
  onResize(listener: (size: WindowSize) => void): () => void {
    const onSignal = (): void => listener(this.readSize());
    process.on('SIGWINCH', onSignal);
    return () => process.off('SIGWINCH', onSignal);
  }

  /** Every key goes through untouched, Ctrl-C too. The terminal comes back at leaveRaw, at exit, on signals and on a crash. */
  enterRaw(): void {
    if (this.#raw) return;
    this.#setRaw();
    this.#guard = new TerminalGuard({ restore: () => this.#restore(), retake: () => this.#setRaw() });
  }

  leaveRaw(): void {
    this.#guard?.release();
    this.#guard = undefined;
    this.#restore();
  }

  /** For `~^Z`: gives the terminal back, stops the program, and is in raw mode again when the promise settles. */
  async suspend(): Promise<void> {
    if (this.#guard !== undefined) await this.#guard.suspend();
  }

  /** Again after a suspension: what was saved before the first time stays the state to go back to. */
  #setRaw(): void {
    if (this.#native === undefined) {
      // libuv keeps its own idea of the mode and would skip a second call.
      if (this.#raw) this.#fallback().setRawMode(false);
      this.#fallback().setRawMode(true);
      this.#saved = 'by-node';
    } else {
      const termios = this.#raw && this.#saved instanceof Buffer ? this.#saved : this.#native.getTermios(this.#fd);
      this.#saved = termios;
      this.#native.setTermios(this.#fd, makeRaw(this.#native.layout, termios), 'drain');
    }
    this.#raw = true;
  }

  #restore(): void {
    if (!this.#raw) return;
    this.#raw = false;
    try {
      if (this.#saved instanceof Buffer) this.#native?.setTermios(this.#fd, this.#saved, 'drain');
      else this.#fallback().setRawMode(false);
    } catch {
      // The terminal is gone: nothing is left to restore.
    }
    this.#saved = undefined;
  }

  #fallback(): ReadStream {
    if (this.#fd === 0) return process.stdin;
    this.#fallbackStream ??= new ReadStream(this.#fd);
    return this.#fallbackStream;
  }
}
