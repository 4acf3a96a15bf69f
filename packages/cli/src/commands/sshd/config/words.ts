/** Cuts a line of sshd_config into words, with quotes, escapes and comments as OpenSSH has them. */

/** A line's keyword and what follows; undefined for an empty line or a comment. */
export interface ConfigLine {
  readonly keyword: string;
  readonly words: readonly string[];
  /** Everything behind the keyword as it stands. */
  readonly rest: string;
}

/** Reads a line; the text of a complaint where quotes do not match. */
export function splitConfigLine(line: string): ConfigLine | string | undefined {
  const content = line.trim();
  if (content === '' || content.startsWith('#')) return undefined;
  const [, keyword = '', rest = ''] = /^"?([^\s="]+)"?(?:\s*=\s*|\s+|$)(.*)$/s.exec(content) ?? [];
  if (keyword === '') return 'no keyword at the start of the line.';
  const words = splitWords(rest);
  return typeof words === 'string' ? words : { keyword, words, rest };
}

function splitWords(text: string): string[] | string {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (text[at] === ' ' || text[at] === '\t') at++;
    if (at >= text.length || text[at] === '#') return words;
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      const character = text[at] as string;
      const next = text[at + 1];
      if (character === '\\' && next !== undefined && isEscapable(next, quote)) {
        word += next;
        at++;
      } else if (quote === '' && (character === ' ' || character === '\t')) break;
      else if (quote === '' && (character === '"' || character === "'")) quote = character;
      else if (character === quote) quote = '';
      else word += character;
    }
    if (quote !== '') return 'invalid quotes.';
    words.push(word);
  }
}

function isEscapable(character: string, quote: string): boolean {
  return character === '"' || character === "'" || character === '\\' || (character === ' ' && quote === '');
}
