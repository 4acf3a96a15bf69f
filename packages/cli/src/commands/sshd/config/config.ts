/** Reads sshd_config and `-o` options into typed settings; what cannot be honoured stops the server. */
import { SshError } from '@nacre/ssh/errors';
import { BadValue, type KeywordRow } from '../keywords/_values.ts';
import { aliases, keywords, otherKeywords } from '../keywords/table.ts';
import { expandGlob, readRegularFile, resolveInclude } from './read-file.ts';
import { splitConfigLine } from './words.ts';

type Table = typeof keywords;

/** Every keyword's value: what a line said, or the default. */
export type Settings = {
  readonly [Name in keyof Table]: Table[Name] extends KeywordRow<infer Value> ? Value : never;
};

export interface Config {
  readonly settings: Settings;
  /** What is set though nothing here heeds it, a line each. */
  readonly warnings: readonly string[];
}

/** OpenSSH's own bound on files that include each other. */
const maxIncludeDepth = 16;

/**
 * Reads a configuration. `-o` options come first, and of most keywords the first value counts.
 *
 * @param options - the values of `-o`, as `Keyword=value` or `Keyword value`.
 * @param file - undefined for none.
 * @throws SshError `bad-file` that lists every bad line in OpenSSH's words.
 */
export function readConfig(options: readonly string[], file: string | undefined): Config {
  const reader = new ConfigReader();
  for (const option of options) reader.readLine(option, 'command-line', 0, 0);
  reader.stopAtProblems('command-line');
  if (file !== undefined) {
    reader.readFile(file, 0);
    reader.stopAtProblems(file);
  }
  return { settings: reader.settings(), warnings: reader.warnings };
}

const rowsByName = new Map<string, readonly [key: keyof Table, row: KeywordRow<unknown>]>(
  Object.entries(keywords).map(([key, row]) => [
    row.name.toLowerCase(),
    [key as keyof Table, row as KeywordRow<unknown>] as const,
  ]),
);

class ConfigReader {
  readonly warnings: string[] = [];
  readonly #problems: string[] = [];
  readonly #values = new Map<keyof Table, unknown>();

  readFile(file: string, depth: number): void {
    let text: string;
    try {
      text = readRegularFile(file).toString('utf8');
    } catch (error) {
      throw unreadable(file, error);
    }
    for (const [index, line] of text.split('\n').entries()) this.readLine(line, file, index + 1, depth);
  }

  readLine(line: string, file: string, number: number, depth: number): void {
    const where = `${file} line ${number}`;
    const fields = splitConfigLine(line);
    if (fields === undefined) return;
    if (typeof fields === 'string') {
      this.#problems.push(`${where}: ${fields}`);
      return;
    }
    const name = fields.keyword.toLowerCase();
    const wireName = aliases.get(name) ?? name;
    if (wireName === 'include') {
      this.#include(fields.words, file, depth, where);
      return;
    }
    const found = rowsByName.get(wireName);
    try {
      if (found !== undefined) this.#set(found[0], found[1], fields.words, fields.rest);
      else if (!this.#setOther(fields.keyword, wireName, fields.words, where)) {
        this.#problems.push(`${file}: line ${number}: Bad configuration option: ${fields.keyword}`);
      }
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      this.#problems.push(`${where}: ${error.message}`);
    }
  }

  stopAtProblems(file: string): void {
    const count = this.#problems.length;
    if (count === 0) return;
    const end = `${file}: terminating, ${count} bad configuration option${count === 1 ? '' : 's'}`;
    throw new SshError([...this.#problems, end].join('\n'), { code: 'bad-file', stage: 'config' });
  }

  settings(): Settings {
    const entries = Object.entries(keywords).map(([key, row]) => {
      const name = key as keyof Table;
      return [name, this.#values.has(name) ? this.#values.get(name) : row.initial];
    });
    // Each row reads its own type, and every row is there.
    return Object.fromEntries(entries) as Settings;
  }

  #set(key: keyof Table, row: KeywordRow<unknown>, words: readonly string[], rest: string): void {
    const isSet = this.#values.has(key);
    const before = row.accumulates ? this.#values.get(key) : undefined;
    // Read even where an earlier line counts: a mistake in it is a mistake.
    const value = row.read(row.takesRest ? [rest] : words, before);
    if (!isSet || row.accumulates) this.#values.set(key, value);
    const { dropped } = (value ?? {}) as { dropped?: readonly string[] };
    if (!isSet && dropped !== undefined && dropped.length > 0) {
      this.warnings.push(`${row.name}: ${dropped.join(',')} is not built into this sshd`);
    }
  }

  #setOther(keyword: string, name: string, words: readonly string[], where: string): boolean {
    const other = otherKeywords.get(name);
    if (other === undefined) return false;
    if (other.kind === 'deprecated') this.warnings.push(`${where}: Deprecated option ${keyword}`);
    else if (words.length === 1 && other.unless.includes((words[0] as string).toLowerCase())) return true;
    else if (other.kind === 'ignored') this.warnings.push(`${where}: ${keyword} has no effect here: ${other.why}`);
    else throw new BadValue(`${keyword} is not supported by this sshd, and without it ${other.why}.`);
    return true;
  }

  #include(patterns: readonly string[], file: string, depth: number, where: string): void {
    if (patterns.length === 0) this.#problems.push(`${where}: Include missing filename argument`);
    if (depth >= maxIncludeDepth) {
      this.#problems.push(`${where}: Too many recursive configuration includes`);
      return;
    }
    for (const pattern of patterns) {
      const resolved = resolveInclude(pattern, file);
      // A pattern may name nothing, and so may a plain name: OpenSSH passes over both.
      for (const path of expandGlob(resolved)) if (path !== resolved || isThere(path)) this.readFile(path, depth + 1);
    }
  }
}

function isThere(path: string): boolean {
  try {
    readRegularFile(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function unreadable(file: string, error: unknown): SshError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'No such file or directory' : code === 'EACCES' ? 'Permission denied' : message;
  return new SshError(`${file}: ${reason}`, { code: 'bad-file', stage: 'config', cause: error });
}
