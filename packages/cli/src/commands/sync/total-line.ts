/** How far a sync is: one line on the terminal, drawn again and again. */
import type { TransferProgress } from '@nacre/ssh/transfer';
import { standardOutputScreen } from '../../terminal/progress.ts';
import { formatProgressLine } from '../../terminal/progress-line.ts';

const redrawMs = 500;
const defaultColumns = 80;

export class TotalLine {
  readonly #screen = standardOutputScreen();
  #drawnMs = Number.NEGATIVE_INFINITY;
  #isDrawn = false;
  #total: TransferProgress | undefined;

  update(total: TransferProgress): void {
    this.#total = total;
    const now = performance.now();
    if (now - this.#drawnMs < redrawMs) return;
    this.#drawnMs = now;
    this.#draw();
  }

  /** Takes the line away, where other words are to stand. */
  clear(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    this.#screen.write('\r\x1b[2K');
  }

  /** The last one stays. */
  end(): void {
    this.#draw();
    if (this.#isDrawn) this.#screen.write('\n');
    this.#isDrawn = false;
  }

  #draw(): void {
    const total = this.#total;
    if (total === undefined || !this.#screen.isVisible()) return;
    const { bytes, totalBytes, files, totalFiles, bytesPerSecond, secondsLeft } = total;
    const time =
      secondsLeft === undefined ? ({ kind: 'unknown' } as const) : { kind: 'left' as const, seconds: secondsLeft };
    const name = `${files} of ${totalFiles}${total.isListed ? '' : '+'} files`;
    const columns = this.#screen.columns() || defaultColumns;
    this.#screen.write(`\r${formatProgressLine({ name, bytes, totalBytes, bytesPerSecond, time }, columns)}`);
    this.#isDrawn = true;
  }
}
