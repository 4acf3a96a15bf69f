/** What completion offers: the part that all candidates share, and the list of them in columns. */
import { sanitize } from './sanitize.ts';
import { columnsOf, fitColumns } from './width.ts';

/** One way to go on. */
export interface Candidate {
  /** What the word becomes, quoted as the line needs it. */
  readonly insert: string;
  /** What the list shows; made safe there. Default `insert`. */
  readonly shown?: string;
}

/** What a word may become. */
export interface Completion {
  /** Where the word begins; it ends at the cursor. */
  readonly start: number;
  readonly candidates: readonly Candidate[];
  /** Put behind the word once there is but one candidate: a closing mark, a blank. Nothing behind a folder. */
  readonly suffix?: string;
}

/**
 * The longest beginning that all candidates share. It ends before the first control character: a file may be called so, and the
 * line is drawn as it is.
 */
export function commonBeginning(candidates: readonly Candidate[]): string {
  const [first, ...others] = candidates.map(({ insert }) => insert);
  if (first === undefined) return '';
  let length = first.search(/\p{Cc}/u);
  if (length < 0) length = first.length;
  for (const other of others) {
    let same = 0;
    while (same < length && first[same] === other[same]) same++;
    length = same;
  }
  // Not in the middle of a character.
  const last = first.charCodeAt(length - 1);
  return first.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}

/** The candidates in columns, line by line, as wide as the terminal. */
export function formatCandidates(candidates: readonly Candidate[], columns: number): string[] {
  const texts = candidates.map(({ insert, shown = insert }) => sanitize(shown));
  const widest = Math.max(0, ...texts.map(columnsOf));
  const cell = widest + 2;
  const perLine = Math.max(1, Math.floor(columns / cell));
  const lines: string[] = [];
  for (let at = 0; at < texts.length; at += perLine) {
    const row = texts.slice(at, at + perLine);
    lines.push(
      row
        .map((text) => fitColumns(text, cell))
        .join('')
        .trimEnd(),
    );
  }
  return lines;
}
