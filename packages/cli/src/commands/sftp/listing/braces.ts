/** Braces in patterns, as csh has them: `{a,b}c` is `ac` and `bc`. */

/** More alternatives than a person types are somebody's trap. */
const maxPatterns = 1024;

export function expandBraces(pattern: string): string[] {
  const found: string[] = [];
  const waiting = [pattern];
  for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
    const group = findGroup(one);
    if (group === undefined || found.length + waiting.length > maxPatterns) found.push(one);
    else {
      const [head, tail] = [one.slice(0, group.start), one.slice(group.end + 1)];
      waiting.unshift(...group.alternatives.map((alternative) => head + alternative + tail));
    }
  }
  return found;
}

interface Group {
  readonly start: number;
  readonly end: number;
  readonly alternatives: readonly string[];
}

/** The first pair of braces; undefined where there is none. `{}` is left alone, for find(1)'s sake. */
function findGroup(pattern: string): Group | undefined {
  let start = indexOfPlain(pattern, '{', 0);
  while (start >= 0 && pattern[start + 1] === '}') start = indexOfPlain(pattern, '{', start + 1);
  if (start < 0) return undefined;
  const alternatives: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === '\\') at++;
    else if (character === '{') depth++;
    else if (character === ',' && depth === 1) {
      alternatives.push(pattern.slice(from, at));
      from = at + 1;
    } else if (character === '}' && --depth === 0) {
      alternatives.push(pattern.slice(from, at));
      return { start, end: at, alternatives };
    }
  }
  return undefined;
}

function indexOfPlain(pattern: string, character: string, from: number): number {
  for (let at = from; at < pattern.length; at++) {
    if (pattern[at] === '\\') at++;
    else if (pattern[at] === character) return at;
  }
  return -1;
}
