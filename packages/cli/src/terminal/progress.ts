/** The progress meter of scp and sftp: a line a file, redrawn once a second, and on request a line for all files together. */
import { isForegroundTerminal } from '../os/foreground.ts';
import { formatProgressLine } from './progress-line.ts';
import { Track } from './progress-track.ts';

/** Where the meter is drawn. */
export interface ProgressScreen {
  write(text: string): void;
  /** Asked for at every drawing, so that the lines follow the window. */
  columns(): number;
  /** False where nobody would see it, or another program has the terminal: nothing is drawn then. */
  isVisible(): boolean;
}

/** Time, which tests turn by hand. */
export interface ProgressClock {
  /** Monotonic. */
  now(): number;
  /** Calls back again and again until the returned function is called. */
  every(ms: number, callback: () => void): () => void;
}

/** How far a transfer is: what the library's transfers tell as `onProgress`. */
export interface TransferProgress {
  readonly path: string;
  readonly bytes: number;
  readonly totalBytes: number;
  readonly filesDone: number;
  readonly filesTotal: number;
}

export interface ProgressMeterOptions {
  readonly screen: ProgressScreen;
  readonly clock?: ProgressClock;
  /** A second line below, of all files together; for trees. */
  readonly total?: boolean;
}

/** Between two drawings of a line that moves. */
export const redrawMs = 1000;
const defaultColumns = 80;
/** OpenSSH's own bound. */
const maxColumns = 512;

/** How wide a line may be at this moment. */
export function progressColumns(screen: ProgressScreen): number {
  return Math.min(maxColumns, screen.columns() || defaultColumns);
}

/**
 * The meter of one transfer after the other.
 *
 * @example
 * const meter = new ProgressMeter({ screen: standardOutputScreen() });
 * await scpGet(server, 'logs', '.', { recursive: true, onProgress: (progress) => meter.follow(progress) });
 * meter.end();
 */
export class ProgressMeter {
  readonly #screen: ProgressScreen;
  readonly #clock: ProgressClock;
  readonly #hasTotal: boolean;
  #file: Track | undefined;
  #path: string | undefined;
  #total: Track | undefined;
  #filesDone = 0;
  #filesTotal = 0;
  #doneBytes = 0;
  #doneTotalBytes = 0;
  #stopTimer: (() => void) | undefined;

  constructor({ screen, clock = systemProgressClock, total = false }: ProgressMeterOptions) {
    this.#screen = screen;
    this.#clock = clock;
    this.#hasTotal = total;
  }

  /** A file begins. @param startBytes - where a transfer goes on that was broken off: they do not count for the rate. */
  start(name: string | Uint8Array, totalBytes: number, startBytes = 0): void {
    if (this.#file !== undefined) this.finish();
    const now = this.#clock.now();
    this.#file = new Track(name, totalBytes, startBytes, now);
    if (this.#hasTotal && this.#total === undefined) {
      this.#total = new Track('', 0, startBytes, now);
      this.#total.isOpen = true;
    }
    this.#draw();
    this.#stopTimer ??= this.#clock.every(redrawMs, () => this.#draw());
  }

  /** So many bytes of the file have passed. Drawn at the next second. */
  update(bytes: number): void {
    if (this.#file !== undefined) this.#file.bytes = bytes;
  }

  /** The file is done, or was given up: its line stays as it is. */
  finish(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#doneBytes += file.bytes;
    this.#doneTotalBytes += file.totalBytes;
    if (this.#screen.isVisible()) {
      // What was drawn last is final already, such as for an empty file.
      const text = file.isDrawnWhole ? '' : this.#line(file, true);
      this.#screen.write(`${text}\n`);
    }
    this.#file = undefined;
  }

  /** Takes what a transfer tells: starts, moves and finishes files by itself. */
  follow(progress: TransferProgress): void {
    const { path, bytes, totalBytes, filesDone, filesTotal } = progress;
    const isNext = path !== this.#path || (this.#file === undefined && bytes < totalBytes);
    const isDone = filesDone > this.#filesDone;
    this.#filesDone = filesDone;
    this.#filesTotal = filesTotal;
    if (isNext) {
      this.#path = path;
      this.start(path.slice(path.lastIndexOf('/') + 1) || path, totalBytes, bytes === totalBytes ? 0 : bytes);
    }
    this.update(bytes);
    if (isDone) this.finish();
  }

  /** The transfer is over: the file's line and the total are completed. */
  end(): void {
    this.finish();
    this.#path = undefined;
    const total = this.#total;
    this.#total = undefined;
    if (total === undefined || !this.#screen.isVisible()) return;
    total.isOpen = false;
    this.#screen.write(`${this.#totalLine(total)}\n`);
  }

  #draw(): void {
    const file = this.#file;
    if (file === undefined || !this.#screen.isVisible()) return;
    // The total stands one line below, and the cursor goes back up; the next file's line takes its place.
    const below = this.#total === undefined ? '' : `\n${this.#totalLine(this.#total)}\x1b[A`;
    this.#screen.write(`${this.#line(file)}${below}`);
  }

  #line(track: Track, isLast = false): string {
    return `\r${formatProgressLine(track.measure(this.#clock.now(), isLast), progressColumns(this.#screen))}`;
  }

  #totalLine(total: Track): string {
    total.bytes = this.#doneBytes + (this.#file?.bytes ?? 0);
    total.totalBytes = this.#doneTotalBytes + (this.#file?.totalBytes ?? 0);
    const files = this.#filesTotal > 0 ? `${this.#filesDone} of ${this.#filesTotal} files` : 'all files';
    total.name = `Total: ${files}`;
    return this.#line(total);
  }
}

/** Standard output, where it is a terminal that this program is in the foreground of. */
export function standardOutputScreen(): ProgressScreen {
  const { stdout } = process;
  return {
    write: (text) => void stdout.write(text),
    columns: () => stdout.columns,
    isVisible: () => stdout.isTTY === true && isForegroundTerminal(stdout.fd),
  };
}

export const systemProgressClock: ProgressClock = {
  now: () => performance.now(),
  every(ms, callback) {
    const timer = setInterval(callback, ms);
    // The transfer keeps the program alive, and not its picture.
    timer.unref();
    return () => clearInterval(timer);
  },
};
