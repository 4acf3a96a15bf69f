/** Starts items: what every kind has in common comes from the file. */
import type { Stats } from 'node:fs';
import type { FoundFile } from './files.ts';
import type { Draft, ItemKind, Problem } from './items.ts';

/** What a reader is given beside the file. */
export interface ReaderContext {
  readonly nowMs: number;
  /** Whether the file system tells when a file was last read. */
  keepsAccessTimes(path: string): boolean;
}

/** Turns one file into items. */
export type Reader = (file: FoundFile, context: ReaderContext) => Draft[] | Promise<Draft[]>;

export function startDraft(
  kind: ItemKind,
  { path, stats, identity }: { path: string; stats: Stats | undefined; identity: string },
  facts: Partial<Draft> = {},
): Draft {
  return {
    kind,
    file: path,
    line: undefined,
    type: undefined,
    bits: undefined,
    fingerprint: undefined,
    comment: '',
    mode: (stats?.mode ?? 0) & 0o7777,
    owner: stats?.uid ?? -1,
    modifiedMs: Math.round(stats?.mtimeMs ?? 0),
    encrypted: undefined,
    lastUse: undefined,
    validFromMs: undefined,
    expiresMs: undefined,
    certificate: undefined,
    names: undefined,
    marker: undefined,
    options: undefined,
    trustedIn: [],
    problems: [],
    plainBlob: undefined,
    authorityBlob: undefined,
    identity,
    ...facts,
  };
}

/** A fortnight: time enough to have a certificate renewed. */
const soonMs = 14 * 86_400_000;

/** What is wrong with a validity now. */
export function judgeValidity(
  { validFromMs, expiresMs }: Pick<Draft, 'validFromMs' | 'expiresMs'>,
  nowMs: number,
): Problem[] {
  if (expiresMs !== undefined && expiresMs <= nowMs) {
    return [{ level: 'warning', code: 'expired', message: `it expired ${formatDay(expiresMs)}` }];
  }
  const problems: Problem[] = [];
  if (validFromMs !== undefined && validFromMs > nowMs) {
    problems.push({
      level: 'warning',
      code: 'not-yet-valid',
      message: `it is not valid before ${formatDay(validFromMs)}`,
    });
  }
  // What was made for a short time is not news when it comes to its end.
  const isShortLived = validFromMs !== undefined && expiresMs !== undefined && expiresMs - validFromMs < 2 * soonMs;
  if (expiresMs !== undefined && expiresMs - nowMs < soonMs && !isShortLived) {
    problems.push({ level: 'note', code: 'expires-soon', message: `it expires ${formatDay(expiresMs)}` });
  }
  return problems;
}

export function formatDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Text read one character a byte, as what it most likely is. */
export function decodeText(latin1: string): string {
  return /[\u0080-\u00ff]/.test(latin1) ? Buffer.from(latin1, 'latin1').toString('utf8') : latin1;
}
