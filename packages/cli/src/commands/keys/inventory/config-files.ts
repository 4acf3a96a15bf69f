/** The key files that a person's ssh_config names, wherever they are. */
import { isAbsolute, join } from 'node:path';
import { expandGlob } from '@nacre/ssh/client';
import { type ConfigLine, splitConfigLine } from '@nacre/ssh/config';
import { readRegularFile } from './files.ts';

const fileKeywords: readonly string[] = ['identityfile', 'certificatefile', 'userknownhostsfile'];
const maxConfigBytes = 1024 * 1024;
const maxIncludeDepth = 16;

export interface ConfigPlace {
  readonly home: string;
  readonly user: string;
}

/** Paths from every block, whether it applies to some host or not. Files that cannot be read name nothing. */
export function findConfiguredFiles(place: ConfigPlace): string[] {
  const found = new Set<string>();
  collect(join(place.home, '.ssh', 'config'), place, found, 0);
  return [...found];
}

function collect(path: string, place: ConfigPlace, found: Set<string>, depth: number): void {
  for (const line of readLines(path)) {
    if (line.keyword === 'include' && depth < maxIncludeDepth) {
      for (const word of line.words) {
        const pattern = expand(word, place);
        if (pattern === undefined) continue;
        const absolute = isAbsolute(pattern) ? pattern : join(place.home, '.ssh', pattern);
        for (const included of expandGlob(absolute)) collect(included, place, found, depth + 1);
      }
    } else if (fileKeywords.includes(line.keyword)) {
      for (const word of line.words) {
        const file = word.toLowerCase() === 'none' ? undefined : expand(word, place);
        if (file !== undefined && isAbsolute(file)) found.add(file);
      }
    }
  }
}

function readLines(path: string): ConfigLine[] {
  let text: string | undefined;
  try {
    text = readRegularFile(path, maxConfigBytes);
  } catch {
    return [];
  }
  return (text ?? '').split('\n').flatMap((line) => {
    try {
      return splitConfigLine(Buffer.from(line, 'latin1').toString('utf8')) ?? [];
    } catch {
      return [];
    }
  });
}

/** `~`, %d, %u and %%; undefined where the path depends on the host, so that it is no one file. */
function expand(word: string, { home, user }: ConfigPlace): string | undefined {
  const path = word === '~' || word.startsWith('~/') ? join(home, word.slice(1)) : word;
  const values: Readonly<Record<string, string>> = { '%': '%', d: home, u: user };
  let known = true;
  const expanded = path
    .replace(/%(.)/g, (_, token: string) => {
      if (!Object.hasOwn(values, token)) known = false;
      return values[token] ?? '';
    })
    .replace(/\$\{([^}]*)\}/g, (_, name: string) => {
      const value = process.env[name];
      if (value === undefined) known = false;
      return value ?? '';
    });
  return known ? expanded : undefined;
}
