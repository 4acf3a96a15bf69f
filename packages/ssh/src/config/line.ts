/** One line of a configuration file: keyword, words with quotes taken off, and the rest as it was typed. */
import { ValueError } from './place.ts';

export interface ConfigLine {
  /** In lower case. */
  readonly keyword: string;
  /** The keyword as it was typed. */
  readonly typed: string;
  readonly words: readonly string[];
  /** Everything behind the keyword, for the keywords that take a command. */
  readonly rest: string;
}

/**
 * Splits a line; undefined for an empty one or a comment.
 *
 * @throws ValueError for quotes that do not close.
 */
export function splitConfigLine(line: string): ConfigLine | undefined {
  const text = line.replace(/[\s\f]+$/, '').replace(/^[ \t\r\f]+/, '');
  if (text === '' || text.startsWith('#')) return undefined;
  // `Key value`, `Key=value` and `Key = value` are one.
  const match = /^(?:"([^"]*)"|([^\s"=]+))(?:[ \t]*=[ \t]*|[ \t]+|$)([\s\S]*)$/.exec(text);
  if (match === null) throw new ValueError('invalid line');
  const rest = match[3] as string;
  const typed = match[1] ?? (match[2] as string);
  return { keyword: typed.toLowerCase(), typed, words: splitWords(rest), rest };
}

/**
 * Words as OpenSSH splits them: either quote, a backslash before quotes, backslashes and blanks, `#` at a word's start ends
 * the line.
 *
 * @param comments - `keep`: a word may start with `#`, as in commands.
 * @throws ValueError for quotes that do not close.
 */
export function splitWords(text: string, comments: 'end' | 'keep' = 'end'): string[] {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (isBlank(text[at] as string)) {
      at++;
      continue;
    }
    if (text[at] === '#' && comments === 'end') break;
    let word = '';
    let quote: string | undefined;
    for (; at < text.length; at++) {
      const character = text[at] as string;
      const next = text[at + 1];
      if (character === '\\' && next !== undefined && isEscapable(next, quote)) {
        word += next;
        at++;
      } else if (quote === undefined && isBlank(character)) break;
      else if (quote === undefined && (character === '"' || character === "'")) quote = character;
      else if (character === quote) quote = undefined;
      else word += character;
    }
    if (quote !== undefined) throw new ValueError('invalid quotes');
    words.push(word);
  }
  return words;
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t';
}

function isEscapable(character: string, quote: string | undefined): boolean {
  return character === '"' || character === "'" || character === '\\' || (character === ' ' && quote === undefined);
}
