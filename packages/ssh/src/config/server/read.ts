/** Reads sshd_config once: settings that hold for everybody, and Match blocks to be asked for each connection. */
import { isAbsolute, join } from 'node:path';
import { SshError } from '../../errors.ts';
import { type ConfigLine, splitConfigLine } from '../line.ts';
import { type ConfigPlace, commandLine, ValueError } from '../place.ts';
import type { Given } from '../values.ts';
import { ServerDraft, type ServerOrigins } from './draft.ts';
import { findServerKeyword, judgePastKeyword, type ServerKeyword, type ServerSettings, serverRow } from './keywords.ts';
import { compileMatch, type MatchCondition } from './match.ts';
import type { ServerConfigSystem } from './system.ts';

export interface ServerConfigRequest {
  /** The values of `-o`, as `Keyword=value` or `Keyword value`: before the file, so that they count. */
  readonly options?: readonly string[];
  /** Undefined for none. */
  readonly file?: string | undefined;
  /** Of `-p`: `Port` lines of the file are passed over then. */
  readonly ports?: readonly number[];
  /**
   * Lines that this server could not keep are taken as they stand, for programs that look at a configuration and do not serve by
   * it. Default: they are errors where silence would weaken security, and warnings otherwise.
   */
  readonly acceptUnserved?: boolean;
}

/** A line inside of a Match block. */
interface BlockLine {
  readonly key: ServerKeyword;
  readonly given: Given;
}

/** Lines between one Match and the next. */
export interface MatchBlock {
  /** All of them must fit: those of blocks that include this one's file, and its own. */
  readonly conditions: readonly MatchCondition[];
  readonly lines: readonly BlockLine[];
}

/** A configuration that was read, and checked wholly. */
export interface ParsedServerConfig {
  /** What holds before anything is known of a connection. */
  readonly settings: ServerSettings;
  readonly origins: ServerOrigins;
  readonly blocks: readonly MatchBlock[];
  /** What is said though nothing here heeds it, and words of old: a line each. */
  readonly warnings: readonly string[];
}

/** OpenSSH's own bound on files that include each other. */
const maxIncludeDepth = 16;
/** A file that includes itself twice would be read 65,536 times before the depth ends it. */
const maxIncludedFiles = 1000;

/**
 * Reads a configuration.
 *
 * @throws SshError `bad-file` that lists every bad line, in OpenSSH's words.
 * @example
 * const parsed = readServerConfig({ file: '/etc/ssh/sshd_config' }, system);
 */
export function readServerConfig(request: ServerConfigRequest, system: ServerConfigSystem): ParsedServerConfig {
  const reader = new Reader(request, system);
  const outermost: Scope = { isOutside: true, block: undefined, start: { isOutside: true, conditions: [] } };
  for (const option of request.options ?? []) reader.readLine(option, commandLine, outermost, -1);
  reader.stopAtProblems(commandLine.file);
  if (request.file !== undefined) {
    reader.readFile(request.file, outermost, 0);
    reader.stopAtProblems(request.file);
  }
  return reader.result();
}

interface Scope {
  /** Lines count for the server as a whole. */
  readonly isOutside: boolean;
  /** The block that lines belong to. */
  readonly block: (MatchBlock & { readonly lines: BlockLine[] }) | undefined;
  /** What the file began with: the line that includes it is outside of blocks, or under these conditions. */
  readonly start: { readonly isOutside: boolean; readonly conditions: readonly MatchCondition[] };
}

class Reader {
  readonly #system: ServerConfigSystem;
  readonly #ports: readonly number[];
  readonly #acceptsUnserved: boolean;
  readonly #draft = new ServerDraft();
  readonly #blocks: MatchBlock[] = [];
  readonly #warnings: string[] = [];
  readonly #problems: string[] = [];
  #includedFiles = 0;

  constructor({ ports = [], acceptUnserved = false }: ServerConfigRequest, system: ServerConfigSystem) {
    this.#system = system;
    this.#ports = ports;
    this.#acceptsUnserved = acceptUnserved;
  }

  readFile(file: string, outer: Scope, depth: number): void {
    // An included file begins as the line that includes it, and leaves that as it was.
    const { isOutside, block } = outer;
    let scope: Scope = { isOutside, block, start: { isOutside, conditions: block?.conditions ?? [] } };
    for (const [index, line] of this.#system.readFile(file).split('\n').entries()) {
      scope = this.readLine(line, { file, line: index + 1 }, scope, depth);
    }
  }

  /** @returns the scope of the line below. */
  readLine(text: string, place: ConfigPlace, scope: Scope, depth: number): Scope {
    try {
      const line = text.includes('\0') ? undefined : splitConfigLine(text);
      if (text.includes('\0') || (depth < 0 && /[\r\n]/.test(text))) throw new ValueError('invalid line');
      return line === undefined ? scope : this.#takeLine(line, place, scope, depth);
    } catch (error) {
      if (error instanceof ValueError) this.#complain(place, error.message, error.cause);
      // A list of algorithms names its place by itself.
      else if (error instanceof SshError && error.code === 'bad-file') this.#problems.push(error.message);
      else throw error;
      return scope;
    }
  }

  stopAtProblems(file: string): void {
    const { length } = this.#problems;
    if (length === 0) return;
    const end = `${file}: terminating, ${length} bad configuration options`;
    throw new SshError([...this.#problems, end].join('\n'), { code: 'bad-file', stage: 'config' });
  }

  result(): ParsedServerConfig {
    const outside = this.#draft.settings();
    return {
      settings: this.#ports.length === 0 ? outside : { ...outside, port: this.#ports },
      origins: this.#draft.origins,
      blocks: this.#blocks,
      warnings: this.#warnings,
    };
  }

  #takeLine(line: ConfigLine, place: ConfigPlace, scope: Scope, depth: number): Scope {
    const { keyword, typed, words, rest } = line;
    if (rest === '') throw new ValueError(`no argument after keyword "${typed}"`);
    switch (keyword) {
      case 'match':
        if (depth < 0) throw new ValueError('Match directive not supported as a command-line option');
        return this.#openBlock(words, scope);
      case 'include':
        if (depth < 0) throw new ValueError('Include directive not supported as a command-line option');
        this.#include(words, place, scope, depth);
        return this.#continueBlock(scope);
      default:
        this.#takeSetting(line, place, scope);
        return scope;
    }
  }

  #openBlock(words: readonly string[], { start }: Scope): Scope {
    const condition = compileMatch(words);
    const block = { conditions: [...start.conditions, condition], lines: [] };
    this.#blocks.push(block);
    // `Match all` needs to know nothing: its lines count from the start, and for every connection before all others.
    return { isOutside: start.isOutside && condition.isAll, block, start };
  }

  /** Lines below an Include come after those of the blocks in it: the order decides what counts. */
  #continueBlock(scope: Scope): Scope {
    const { block } = scope;
    if (block === undefined || block === this.#blocks.at(-1)) return scope;
    const next = { conditions: block.conditions, lines: [] };
    this.#blocks.push(next);
    return { ...scope, block: next };
  }

  #takeSetting({ keyword, typed, words, rest }: ConfigLine, place: ConfigPlace, { isOutside, block }: Scope): void {
    const at = `${place.file} line ${place.line}`;
    const key = findServerKeyword(keyword);
    if (key === undefined) {
      const past = judgePastKeyword(keyword);
      if (past !== undefined) this.#warnings.push(`${at}: ${past} option ${typed}`);
      else this.#problems.push(`${place.file}: line ${place.line}: Bad configuration option: ${typed}`);
      return;
    }
    const row = serverRow(key);
    if (!isOutside && !row.mayMatch) throw new ValueError(`Directive '${typed}' is not allowed within a Match block`);
    // A line that holds nothing but a comment must not pass for a list that names nobody.
    if (words.length === 0 && row.takesRest !== true) throw new ValueError(`no argument after keyword "${typed}"`);
    if (key === 'port' && this.#ports.length > 0) return;
    const given: Given = { words, rest, place, keyword: typed, absolute: (path) => this.#system.absolute(path) };
    const taken = isOutside ? this.#draft.take(key, given) : { value: row.read(given, undefined) };
    if (row.mayMatch) block?.lines.push({ key, given });
    if (taken !== undefined && !this.#acceptsUnserved) this.#judge(key, taken.value, at);
  }

  /** Says what becomes of a value that is not served. */
  #judge(key: ServerKeyword, value: unknown, at: string): void {
    const { name, policy, unserved } = serverRow(key);
    const { lacking } = (value ?? {}) as { lacking?: readonly string[] };
    if (lacking !== undefined && lacking.length > 0) {
      this.#warnings.push(`${at}: ${name}: ${lacking.join(',')} is not built into this sshd`);
    }
    if (policy === undefined || policy.isHarmless(value)) return;
    if (policy.kind === 'refuse') {
      throw new ValueError(policy.complaint ?? `${name} is not supported by this sshd, and without it ${unserved}.`);
    }
    this.#warnings.push(`${at}: ${name} has no effect here: ${unserved}`);
  }

  #include(patterns: readonly string[], { file }: ConfigPlace, scope: Scope, depth: number): void {
    if (patterns.length === 0) throw new ValueError('Include missing filename argument');
    if (patterns.includes('')) throw new ValueError('keyword Include empty argument');
    if (depth >= maxIncludeDepth) throw new ValueError('Too many recursive configuration includes');
    for (const pattern of patterns) {
      const path = pattern.startsWith('~') ? this.#system.absolute(pattern) : pattern;
      const resolved = isAbsolute(path) ? path : join(this.#system.includeFolder(file), path);
      for (const found of this.#system.expandGlob(resolved)) {
        if (++this.#includedFiles > maxIncludedFiles) throw tooManyFiles(file);
        this.readFile(found, scope, depth + 1);
      }
    }
  }

  #complain(place: ConfigPlace, text: string, cause: unknown): void {
    const where = `${place.file} line ${place.line}: ${text}`;
    this.#problems.push(typeof cause === 'string' ? `${cause}\n${where}` : where);
  }
}

/** Ends the reading: more lines would only add to the work. */
function tooManyFiles(file: string): SshError {
  return new SshError(`${file}: more than ${maxIncludedFiles} files are included`, {
    code: 'limit-exceeded',
    stage: 'config',
    remedy: 'Look for files that include each other.',
  });
}
