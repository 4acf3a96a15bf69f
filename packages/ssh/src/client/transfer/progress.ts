/** What a transfer has done so far, and how fast it goes. */
import type { TransferEvent, TransferFile, TransferProgress } from './types.ts';

/** The rate is that of about so long: a stall shows, a hiccup does not. */
const rateMs = 3000;

/** Counts, and tells of it not too often. */
export class Progress {
  /** Moved now. */
  movedBytes = 0;
  files = 0;
  totalBytes = 0;
  totalFiles = 0;
  isListed = false;
  readonly #now: () => number;
  readonly #intervalMs: number;
  readonly #tell: ((event: TransferEvent) => void) | undefined;
  readonly startMs: number;
  /** There before. */
  #resumedBytes = 0;
  #toldMs = Number.NEGATIVE_INFINITY;
  #rate = 0;
  #ratedMs: number;
  #ratedBytes = 0;

  constructor(now: () => number, intervalMs: number, tell: ((event: TransferEvent) => void) | undefined) {
    this.#now = now;
    this.#intervalMs = intervalMs;
    this.#tell = tell;
    this.startMs = now();
    this.#ratedMs = this.startMs;
  }

  tell(event: TransferEvent): void {
    this.#tell?.(event);
  }

  found(size: number | undefined): void {
    this.totalFiles++;
    this.totalBytes += size ?? 0;
  }

  /** One that was found is not copied. */
  dropped(size: number | undefined): void {
    this.totalFiles--;
    this.totalBytes -= size ?? 0;
  }

  resumed(file: TransferFile, bytes: number): void {
    file.bytes += bytes;
    this.#resumedBytes += bytes;
  }

  /** So many bytes of a file arrived. */
  moved(file: TransferFile, bytes: number): void {
    file.bytes += bytes;
    this.movedBytes += bytes;
    if (this.#tell === undefined) return;
    const now = this.#now();
    if (now - this.#toldMs < this.#intervalMs) return;
    this.#toldMs = now;
    this.#tell({ type: 'progress', file, total: this.total() });
  }

  /** A file starts over: what was counted of it is not there. */
  undo(file: TransferFile, bytes: number): void {
    file.bytes -= bytes;
    this.movedBytes -= bytes;
  }

  done(file: TransferFile): void {
    this.files++;
    this.#tell?.({ type: 'done', file, total: this.total() });
  }

  total(): TransferProgress {
    const bytesPerSecond = this.#measure();
    const bytes = this.movedBytes + this.#resumedBytes;
    const { files, totalBytes, totalFiles, isListed } = this;
    const missing = Math.max(totalBytes - bytes, 0);
    const secondsLeft = isListed && bytesPerSecond > 0 ? missing / bytesPerSecond : undefined;
    return { bytes, files, totalBytes, totalFiles, isListed, bytesPerSecond, secondsLeft };
  }

  get elapsedMs(): number {
    return this.#now() - this.startMs;
  }

  #measure(): number {
    const now = this.#now();
    const elapsedMs = now - this.#ratedMs;
    if (elapsedMs >= 50) {
      const latest = Math.max(this.movedBytes - this.#ratedBytes, 0) / (elapsedMs / 1000);
      const weight = this.#ratedBytes === 0 && this.#rate === 0 ? 1 : 1 - Math.exp(-elapsedMs / rateMs);
      this.#rate += (latest - this.#rate) * weight;
      this.#ratedMs = now;
      this.#ratedBytes = this.movedBytes;
    }
    return this.#rate;
  }
}
