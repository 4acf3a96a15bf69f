/** The progress of a transfer on a terminal: OpenSSH's line for each file, though many of them are under way at the same time. */
import type { TransferEvent, TransferFile, TransferProgress } from '@nacre/ssh/transfer';
import {
  type ProgressClock,
  type ProgressScreen,
  progressColumns,
  redrawMs,
  systemProgressClock,
} from '../../terminal/progress.ts';
import { formatProgressLine } from '../../terminal/progress-line.ts';
import { Track } from '../../terminal/progress-track.ts';

export interface TransferMeterOptions {
  readonly screen: ProgressScreen;
  readonly clock?: ProgressClock;
  /** A line below, of all files together; for trees. */
  readonly total?: boolean;
}

/**
 * Draws one line that moves, of the file that has been under way for longest; others that are done meanwhile leave their line above it.
 *
 * @example
 * const meter = new TransferMeter({ screen: standardOutputScreen() });
 * await get(sftp, 'logs', '.', { recursive: true, onEvent: (event) => meter.follow(event) });
 * meter.end();
 */
export class TransferMeter {
  readonly #screen: ProgressScreen;
  readonly #clock: ProgressClock;
  readonly #hasTotal: boolean;
  /** Under way, the oldest first. */
  readonly #files = new Map<TransferFile, Track>();
  #total: Track | undefined;
  #progress: TransferProgress | undefined;
  #stopTimer: (() => void) | undefined;
  #startedMs: number | undefined;
  /** The cursor stands on a line that is not finished. */
  #isMidLine = false;

  constructor({ screen, clock = systemProgressClock, total = false }: TransferMeterOptions) {
    this.#screen = screen;
    this.#clock = clock;
    this.#hasTotal = total;
  }

  /** Takes what a transfer tells as `onEvent`. */
  follow(event: TransferEvent): void {
    if ('total' in event) this.#progress = event.total;
    this.#startTotal();
    switch (event.type) {
      case 'start':
        this.#start(event.file);
        break;
      case 'done':
        this.#finish(event.file, true);
        break;
      case 'failed':
        for (const file of this.#files.keys()) {
          if (file.source.equals(event.failure.source)) this.#finish(file, false);
        }
        break;
      default:
    }
  }

  /** A line of text is about to be written elsewhere: it must not stand behind a half line. */
  makeRoom(): void {
    if (!this.#isMidLine) return;
    this.#isMidLine = false;
    if (this.#screen.isVisible()) this.#screen.write(`${this.#totalWipe()}\n`);
  }

  /** The transfer is over, or was given up: lines stay as they are. */
  end(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#files.clear();
    this.makeRoom();
    const total = this.#total;
    this.#total = undefined;
    if (total === undefined || !this.#screen.isVisible()) return;
    total.isOpen = false;
    this.#screen.write(`${this.#totalLine(total)}\n`);
  }

  #start(file: TransferFile): void {
    const now = this.#clock.now();
    this.#startedMs ??= now;
    const { source, size = 0, bytes } = file;
    this.#files.set(file, new Track(baseName(source), size, bytes, now));
    if (this.#files.size === 1) this.#draw();
    this.#stopTimer ??= this.#clock.every(redrawMs, () => this.#draw());
  }

  /** Before anything was told of the whole there is nothing to draw. */
  #startTotal(): void {
    if (!this.#hasTotal || this.#total !== undefined || this.#progress === undefined) return;
    this.#total = new Track('', 0, 0, this.#startedMs ?? this.#clock.now());
    this.#total.isOpen = true;
  }

  /** The last line of a file. Of one that failed it stays as far as it was drawn. */
  #finish(file: TransferFile, isWhole: boolean): void {
    const track = this.#files.get(file);
    if (track === undefined) return;
    const isShown = this.#current === file;
    this.#files.delete(file);
    track.bytes = file.bytes;
    // A file that has grown meanwhile, or of which nobody told the size.
    if (isWhole) track.totalBytes = file.bytes;
    if (this.#screen.isVisible()) {
      if (isWhole) {
        // What was drawn last is final already, such as for an empty file.
        const text = isShown && track.isDrawnWhole && this.#isMidLine ? '' : this.#line(track, true);
        this.#screen.write(`${text}\n`);
      } else if (isShown && this.#isMidLine) this.#screen.write(`${this.#line(track)}\n`);
      this.#isMidLine = false;
    }
    if (this.#files.size > 0) this.#draw();
    else {
      this.#stopTimer?.();
      this.#stopTimer = undefined;
    }
  }

  get #current(): TransferFile | undefined {
    return this.#files.keys().next().value;
  }

  #draw(): void {
    const file = this.#current;
    const track = file === undefined ? undefined : this.#files.get(file);
    if (file === undefined || track === undefined || !this.#screen.isVisible()) return;
    track.bytes = file.bytes;
    // The total stands one line below, and the cursor goes back up; the next line takes its place.
    const below = this.#total === undefined ? '' : `\n${this.#totalLine(this.#total)}\x1b[A`;
    this.#screen.write(`${this.#line(track)}${below}`);
    this.#isMidLine = true;
  }

  #line(track: Track, isLast = false): string {
    return `\r${formatProgressLine(track.measure(this.#clock.now(), isLast), progressColumns(this.#screen))}`;
  }

  #totalLine(total: Track): string {
    const { bytes = 0, totalBytes = 0, files = 0, totalFiles = 0 } = this.#progress ?? {};
    total.bytes = bytes;
    total.totalBytes = Math.max(totalBytes, bytes);
    total.name = `Total: ${files} of ${totalFiles} files`;
    return this.#line(total);
  }

  /** Takes the total away below the line, where something else will be written. */
  #totalWipe(): string {
    return this.#total === undefined ? '' : '\n\x1b[2K\x1b[A';
  }
}

function baseName(path: Buffer): Buffer {
  const name = path.subarray(path.lastIndexOf(0x2f) + 1);
  return name.length === 0 ? path : name;
}
