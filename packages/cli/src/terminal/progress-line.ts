/** One line of the progress meter, as OpenSSH's tools write it: name, percent, bytes, rate, time. */
import { sanitize } from './sanitize.ts';
import { cutColumns, fitColumns } from './width.ts';

export interface ProgressLine {
  /** As the other end may have named it; made safe here. */
  readonly name: string | Uint8Array;
  readonly bytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  /** `done` since it began, `left` to its end; `unknown` where nothing has moved yet, `stalled` where nothing does any more. */
  readonly time:
    | { readonly kind: 'done' | 'left'; readonly seconds: number }
    | { readonly kind: 'unknown' | 'stalled' };
}

/** What stands behind the name: 34 columns, and one that stays free. */
const fixedColumns = 35;
const units = ['', 'KB', 'MB', 'GB', 'TB'];

/** The line without a carriage return, at most one column narrower than the terminal, as OpenSSH leaves the last one free. */
export function formatProgressLine(line: ProgressLine, columns: number): string {
  const nameColumns = columns - fixedColumns;
  const name = nameColumns > 0 ? fitColumns(sanitize(line.name), nameColumns) : '';
  const percent = `${formatPercent(line)}%`.padStart(4);
  const amounts = `${percent} ${formatSize(line.bytes)} ${formatRate(line.bytesPerSecond)}/s`;
  return cutColumns(`${name} ${amounts} ${formatTime(line)}`, Math.max(0, columns - 1));
}

/** Six columns: bytes up to 9999, then KB and so on. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 10_000 && unit < units.length - 1; unit++) value = Math.floor((value + 512) / 1024);
  return `${String(value).padStart(4)}${(units[unit] as string).padEnd(2)}`;
}

/** Seven columns: KB and above, with a tenth. */
export function formatRate(bytesPerSecond: number): string {
  // In hundredths, so that each step rounds as OpenSSH's integers do.
  let value = Math.floor(bytesPerSecond) * 100;
  let unit = 0;
  for (; value >= 100_000 && unit < units.length - 1; unit++) value = Math.floor((value + 512) / 1024);
  if (unit === 0) {
    value = Math.floor((value + 512) / 1024);
    unit = 1;
  }
  const whole = Math.floor((value + 5) / 100);
  const tenth = Math.floor((value + 5) / 10) % 10;
  return `${String(whole).padStart(3)}.${tenth}${units[unit]}`;
}

function formatPercent({ bytes, totalBytes }: ProgressLine): number {
  if (totalBytes === 0 || bytes === totalBytes) return 100;
  return Math.floor((bytes * 100) / totalBytes);
}

function formatTime({ time }: ProgressLine): string {
  if (time.kind === 'stalled') return '- stalled -';
  if (!('seconds' in time)) return '  --:-- ETA';
  const whole = Math.max(0, Math.floor(time.seconds));
  const hours = Math.floor(whole / 3600);
  const two = (value: number) => String(value).padStart(2, '0');
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return `${hours > 0 ? `${hours}:${rest}` : `  ${rest}`}${time.kind === 'left' ? ' ETA' : '    '}`;
}
