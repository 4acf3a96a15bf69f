/** Reads ssh_config files into a draft of settings: Host, Match and Include; the first value that is found counts. */
import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { matchHostPatternList, matchPatternList } from '@nacre/ssh/trust';
import { type ConfigLine, splitConfigLine } from './config-words.ts';
import { FatalError } from './end.ts';
import { expandGlob } from './glob.ts';
import type { Draft } from './keywords/settings.ts';
import { findKeyword, type KeywordRow } from './keywords/table.ts';
import { type Place, ValueError } from './keywords/values.ts';
import type { Log } from './log.ts';

/** What the blocks of a file are matched against. */
export interface ConfigContext {
  /** The name that was typed. */
  readonly originalHost: string;
  readonly localUser: string;
  readonly home: string;
  readonly log: Log;
}

interface FileOptions {
  /** A file of the person's: relative includes are below ~/.ssh, else below /etc/ssh. */
  readonly isUsers: boolean;
  /** A file that others may write to could make us run or send anything. */
  readonly checkOwner?: boolean;
  /** What -F names: it may be a pipe or a device. */
  readonly isNamed?: boolean;
  /** Include inside of a block that does not apply: everything is read, nothing counts. */
  readonly neverActive?: boolean;
  readonly depth?: number;
}

const maxIncludeDepth = 16;
const maxConfigBytes = 16 * 1024 * 1024;

/**
 * Reads one file into the draft.
 *
 * @returns false where there is no such file.
 * @throws FatalError for lines that OpenSSH refuses too, every one of which is told first.
 */
export function readConfigFile(path: string, draft: Draft, context: ConfigContext, options: FileOptions): boolean {
  const { log } = context;
  const found = statIfThere(path);
  if (found === undefined) return false;
  // A pipe is fine where a person names one (-F <(...)); one that is met on the way would hold us up (libssh CVE-2026-0965).
  if (!options.isNamed && !found.isFile()) return false;
  if (options.checkOwner && !hasSafeOwner(found)) throw new FatalError(`Bad owner or permissions on ${path}`);
  log.debug(1, `Reading configuration data ${path}`);
  const reading = new Reading(path, draft, context, options);
  const lines = readBounded(path).split('\n');
  for (const [index, line] of lines.entries()) reading.take(line, index + 1);
  if (reading.mistakes > 0) {
    throw new FatalError(`${path}: terminating, ${reading.mistakes} bad configuration options`);
  }
  return true;
}

/** One setting of the command line: what -o gives. */
export function applyOption(text: string, draft: Draft, context: ConfigContext): void {
  const reading = new Reading('command-line', draft, context, { isUsers: true });
  reading.take(text, 0);
  if (reading.mistakes > 0) throw new FatalError('');
}

/** One pass over a file: which block we are in, and how many lines were wrong. */
class Reading {
  mistakes = 0;
  readonly #file: string;
  readonly #draft: Draft;
  readonly #context: ConfigContext;
  readonly #options: FileOptions;
  #isActive: boolean;

  constructor(file: string, draft: Draft, context: ConfigContext, options: FileOptions) {
    this.#file = file;
    this.#draft = draft;
    this.#context = context;
    this.#options = options;
    this.#isActive = options.neverActive !== true;
  }

  take(text: string, number: number): void {
    const place = { file: this.#file, line: number };
    try {
      const line = splitConfigLine(text);
      if (line !== undefined) this.#takeLine(line, place);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      this.#refuse(`${place.file} line ${place.line}: ${error.message}`);
    }
  }

  #takeLine(line: ConfigLine, place: Place): void {
    const { keyword, words } = line;
    if (words.length === 0) throw new ValueError(`no argument after keyword "${keyword}"`);
    if (keyword === 'host') this.#startHost(words, place);
    else if (keyword === 'match') this.#startMatch(words, place);
    else if (keyword === 'include') this.#include(words);
    else this.#apply(line, place);
  }

  #apply({ keyword, words, rest }: ConfigLine, place: Place): void {
    const { log } = this.#context;
    const row = findKeyword(keyword);
    if (row === undefined) {
      const ignored = this.#draft.ignoreUnknown?.some(
        (list) => matchPatternList(keyword, list.toLowerCase()) === 'match',
      );
      if (ignored) log.debug(1, `${place.file} line ${place.line}: Ignored unknown option "${keyword}"`);
      else this.#refuse(`${place.file}: line ${place.line}: Bad configuration option: ${keyword}`);
      return;
    }
    row.apply(this.#draft, { keyword, words, rest, place }, this.#isActive);
    if (row.kind !== 'read' && this.#isActive) this.#passOver(row, words, place);
  }

  #passOver(row: KeywordRow, words: readonly string[], place: Place): void {
    const { log } = this.#context;
    if (row.kind === 'past') log.debug(1, `${place.file} line ${place.line}: Deprecated option "${row.name}"`);
    else if (row.kind === 'later')
      log.debug(1, `${place.file} line ${place.line}: ${row.name} is not supported yet, ignored`);
    else if (words[0]?.toLowerCase() !== 'none') {
      throw new FatalError(`${place.file} line ${place.line}: ${row.name} is not supported yet`);
    }
  }

  #startHost(patterns: readonly string[], place: Place): void {
    const { originalHost, log } = this.#context;
    // One negated hit outweighs all others, as in a comma-separated list.
    const results = patterns.map((pattern) => matchPatternList(originalHost, pattern));
    const isHit = results.includes('match') && !results.includes('negated');
    this.#isActive = isHit && this.#options.neverActive !== true;
    if (this.#isActive) {
      const hit = patterns[results.indexOf('match')];
      log.debug(1, `${place.file} line ${place.line}: Applying options for ${hit}`);
    }
  }

  #startMatch(words: readonly string[], place: Place): void {
    const verdict = judgeMatch(words, this.#draft, this.#context);
    if (typeof verdict === 'string') {
      const text = `${place.file} line ${place.line}: Match ${verdict} is not supported yet, the block is skipped`;
      if (this.#options.neverActive !== true) this.#context.log.info(text);
    }
    this.#isActive = verdict === true && this.#options.neverActive !== true;
  }

  #include(patterns: readonly string[]): void {
    const { context, depth = 0 } = { context: this.#context, depth: this.#options.depth };
    if (depth >= maxIncludeDepth) throw new ValueError('Too many recursive configuration includes');
    const folder = this.#options.isUsers ? join(context.home, '.ssh') : '/etc/ssh';
    for (const pattern of patterns) {
      const expanded = pattern.replace(/^~(?=\/|$)/, context.home);
      for (const path of expandGlob(isAbsolute(expanded) ? expanded : join(folder, expanded))) {
        const options = { isUsers: this.#options.isUsers, depth: depth + 1, neverActive: !this.#isActive };
        readConfigFile(path, this.#draft, context, { ...options, checkOwner: this.#options.checkOwner ?? false });
      }
    }
  }

  #refuse(text: string): void {
    this.mistakes++;
    this.#context.log.error(text);
  }
}

/** Whether a Match line applies; a string names the criterion that is not known here. */
function judgeMatch(words: readonly string[], draft: Draft, context: ConfigContext): boolean | string {
  let applies = true;
  for (let at = 0; at < words.length; at++) {
    const word = (words[at] as string).toLowerCase();
    const isNegated = word.startsWith('!');
    const [name = '', inline] = splitOnce(isNegated ? word.slice(1) : word, '=');
    if (name === 'all') {
      if (words.length !== 1) throw new ValueError("'all' cannot be combined with other Match attributes");
      return !isNegated;
    }
    const subject = matchSubject(name, draft, context);
    if (subject === undefined) return name;
    const list = inline ?? words[++at];
    if (list === undefined) throw new ValueError(`Missing Match criteria for ${name}`);
    const match = name.endsWith('host') ? matchHostPatternList(subject, list) : matchPatternList(subject, list);
    if ((match === 'match') === isNegated) applies = false;
  }
  return applies;
}

function matchSubject(name: string, draft: Draft, context: ConfigContext): string | undefined {
  switch (name) {
    case 'host':
      return draft.hostName?.replaceAll('%h', context.originalHost).replaceAll('%%', '%') ?? context.originalHost;
    case 'originalhost':
      return context.originalHost;
    case 'user':
      return draft.user ?? context.localUser;
    case 'localuser':
      return context.localUser;
    default:
      return undefined;
  }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function statIfThere(path: string): Stats | undefined {
  try {
    const found = statSync(path);
    return found.isDirectory() ? undefined : found;
  } catch {
    return undefined;
  }
}

/** The whole of a file, or of a device that may have no end. */
function readBounded(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let length = 0; ; ) {
      const chunk = Buffer.alloc(64 * 1024);
      const count = readSync(fd, chunk);
      if (count === 0) return Buffer.concat(chunks).toString('utf8');
      chunks.push(chunk.subarray(0, count));
      length += count;
      if (length > maxConfigBytes) throw new FatalError(`${path} is larger than ${maxConfigBytes} bytes`);
    }
  } finally {
    closeSync(fd);
  }
}

/** Ours or root's, and nobody else may write to it. */
function hasSafeOwner(found: Stats): boolean {
  return (found.uid === 0 || found.uid === process.getuid?.()) && (found.mode & 0o022) === 0;
}
