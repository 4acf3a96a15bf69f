/** Words of a command line at sftp's prompt: quotes, backslashes and comments as in sh, wildcards kept apart from quoted ones. */
import { SshError } from '@nacre/ssh/errors';

export interface ShellWord {
  /** For matching: a wildcard that was quoted has a backslash before it, one that was not stands alone. */
  readonly pattern: string;
  /** For everything else: the text itself. */
  readonly text: string;
  /** Where it stands in the line, quotation marks and all. */
  readonly start: number;
  readonly end: number;
  /** The quotation mark that it begins with. */
  readonly quote: '' | "'" | '"';
}

export interface ShellWords {
  readonly words: readonly ShellWord[];
  /** False where a quotation mark is still open at the end of the line: only for `unfinished`. */
  readonly isTerminated: boolean;
}

export interface SplitOptions {
  /** Take a line whose last quotation mark is still open, as completion has to. */
  readonly unfinished?: boolean;
}

/** OpenSSH's own bounds. */
const maxLineLength = 8191;
const maxWords = 128;

/**
 * Splits a line.
 *
 * A backslash takes the meaning from the character behind it; within quotation marks it does so only for that mark, and stays
 * otherwise. A `#` outside of quotation marks begins a comment.
 *
 * @throws SshError `misuse` for an open quotation mark, a line that is too long, or too many words.
 * @example
 * splitWords('get "my file" *.txt').words.map(({ text }) => text); // ['get', 'my file', '*.txt']
 */
export function splitWords(line: string, { unfinished = false }: SplitOptions = {}): ShellWords {
  if (line.length > maxLineLength) throw misuse('string too long');
  const words: ShellWord[] = [];
  let at = 0;
  let isTerminated = true;
  while (at < line.length && isTerminated) {
    if (isBlank(line[at] as string)) at++;
    else if (line[at] === '#') break;
    else {
      const read = readWord(line, at);
      isTerminated = read.isTerminated;
      if (!isTerminated && !unfinished) throw misuse('Unterminated quoted argument');
      if (words.push(read.word) > maxWords) throw misuse('Too many arguments.');
      at = read.word.end;
    }
  }
  return { words, isTerminated };
}

/** What stands for a text in a line that is completed: behind an open quotation mark, or outside of any. */
export function quoteWord(text: string, quote: '' | "'" | '"' = ''): string {
  // Within a mark, a backslash before a wildcard would be kept: the wildcard is quoted already.
  if (quote !== '') return text.replaceAll(quote, `\\${quote}`);
  return text.replace(/['"\\\s#[\]*?{}]/g, '\\$&');
}

function readWord(line: string, start: number): { word: ShellWord; isTerminated: boolean } {
  let pattern = '';
  let mark: string | undefined;
  let at = start;
  for (; at < line.length; at++) {
    const character = line[at] as string;
    if (mark === undefined && (isBlank(character) || character === '#')) break;
    if (character === '\\') {
      // A backslash at the end of the line stands for nothing.
      const next = line[++at] ?? '';
      pattern += mark === undefined ? escapedOutside(next) : escapedWithin(next, mark);
    } else if (character === mark) mark = undefined;
    else if (mark === undefined && (character === '"' || character === "'")) mark = character;
    else pattern += mark !== undefined && isWildcard(character) ? `\\${character}` : character;
  }
  const first = line[start];
  const quote = first === '"' || first === "'" ? first : '';
  return {
    word: { pattern, text: plainText(pattern), start, end: Math.min(at, line.length), quote },
    isTerminated: mark === undefined,
  };
}

function escapedOutside(next: string): string {
  return isWildcard(next) || next === '\\' ? `\\${next}` : next;
}

function escapedWithin(next: string, mark: string): string {
  if (next === mark) return next;
  // Both stay: the wildcard quoted, and the backslash before it quoted too.
  return isWildcard(next) ? `\\\\\\${next}` : `\\${next}`;
}

/** Only what was put before a wildcard or another backslash is taken away; other backslashes are part of the text. */
function plainText(pattern: string): string {
  return pattern.replace(/\\([?*[\\])/g, '$1');
}

function isWildcard(character: string): boolean {
  return character === '*' || character === '?' || character === '[';
}

function isBlank(character: string): boolean {
  return /[ \t\n\v\f\r]/.test(character);
}

function misuse(message: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'usage' });
}
