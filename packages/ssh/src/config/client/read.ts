/** Reads ssh_config files into a draft of settings: Host, Match, Include; the first value that is found counts. */
import { isAbsolute, join } from 'node:path';
import { matchPatternList } from '../../trust/index.ts';
import { type ConfigLine, splitConfigLine } from '../line.ts';
import { ConfigError, type ConfigMistake, type ConfigPlace, commandLine, configError, ValueError } from '../place.ts';
import { expandHome, expandTokens, expandVariables, type TokenValues } from '../tokens.ts';
import {
  type ClientKeyword,
  type ClientSettings,
  clientRow,
  findClientKeyword,
  pastKeywords,
  rivals,
} from './keywords.ts';
import { type Judgement, judgeHost, judgeMatch, type MatchSubject } from './match.ts';
import type { ConfigSystem } from './system.ts';

/** Settings while they are gathered. */
export type ClientDraft = { -readonly [Name in ClientKeyword]?: ClientSettings[Name] };

/** Where each value was said: one place for the first, all of them where lines add up. */
export type Origins = Map<ClientKeyword, ConfigPlace[]>;

/** What happened on the way, for logs. */
export interface ReadEvent {
  /** `past`: of no meaning any more; `unserved`: not built here; `shadowed`: a line before it says something else. */
  readonly kind: 'reading' | 'applying' | 'ignored' | 'past' | 'unserved' | 'shadowed' | 'mistake';
  readonly place: ConfigPlace;
  readonly text: string;
}

/** A Host or Match line, and whether what stands below it applies. */
export interface BlockEvent extends Judgement {
  readonly keyword: 'Host' | 'Match';
  readonly words: readonly string[];
  readonly place: ConfigPlace;
  /** The line's file was included from a block that does not apply, so nothing in it does. */
  readonly isShutOut: boolean;
  /** The files are being read a second time, for a canonical name or `Match final`. */
  readonly isFinalPass: boolean;
}

export interface Reading {
  readonly draft: ClientDraft;
  readonly origins: Origins;
  readonly system: ConfigSystem;
  /** The name that `Host` is matched against: as typed, or the canonical one in the final pass. */
  readonly host: string;
  readonly subject: MatchSubject;
  /** For Include. */
  readonly tokens: () => TokenValues;
  readonly onEvent: (event: ReadEvent) => void;
  readonly onBlock: (event: BlockEvent) => void;
}

export interface FileOptions {
  /** A person's file: relative includes are below ~/.ssh, else below /etc/ssh. */
  readonly isUsers: boolean;
  readonly checkOwner: boolean;
  /** A person named it (`-F`). */
  readonly named: boolean;
}

/** Files that include each other in a circle would never end. */
const maxIncludeDepth = 16;

/**
 * Reads one file into the draft.
 *
 * @returns false where there is no such file.
 * @throws SshError `bad-file` for lines that OpenSSH refuses as well; every one of them is told by `onEvent` first.
 */
export async function readClientFile(path: string, reading: Reading, options: FileOptions): Promise<boolean> {
  return await readAt(path, reading, { ...options, depth: 0, neverActive: false });
}

/**
 * A setting of the command line: what `-o` gives.
 *
 * @throws SshError `bad-file` with what is wrong with it.
 */
export async function readClientOption(text: string, reading: Reading): Promise<void> {
  const state: FileState = { active: true, mistakes: [] };
  const options = { isUsers: true, checkOwner: false, named: false, depth: 0, neverActive: false };
  const onEvent = (event: ReadEvent): void => {
    if (event.kind !== 'mistake') reading.onEvent(event);
  };
  await takeText(text, commandLine, state, { ...reading, onEvent }, options);
  const [first] = state.mistakes;
  if (first === undefined) return;
  throw new ConfigError(first.text, state.mistakes, 'Write the option as in a file: -o Keyword=value.');
}

interface DepthOptions extends FileOptions {
  readonly depth: number;
  /** Include inside of a block that does not apply: everything is read, nothing counts. */
  readonly neverActive: boolean;
}

interface FileState {
  active: boolean;
  readonly mistakes: ConfigMistake[];
}

async function readAt(path: string, reading: Reading, options: DepthOptions): Promise<boolean> {
  const { checkOwner, named } = options;
  const text = await reading.system.readFile(path, { checkOwner, named });
  if (text === undefined) return false;
  reading.onEvent({ kind: 'reading', place: { file: path, line: 0 }, text: `Reading configuration data ${path}` });
  const state: FileState = { active: !options.neverActive, mistakes: [] };
  for (const [index, line] of text.split('\n').entries()) {
    await takeText(line, { file: path, line: index + 1 }, state, reading, options);
  }
  if (state.mistakes.length > 0) {
    throw new ConfigError(
      `${path}: terminating, ${state.mistakes.length} bad configuration options`,
      state.mistakes,
      'Correct these lines; a keyword of another program can be passed over with IgnoreUnknown.',
    );
  }
  return true;
}

async function takeText(
  text: string,
  place: ConfigPlace,
  state: FileState,
  reading: Reading,
  options: DepthOptions,
): Promise<void> {
  let line: ConfigLine | undefined;
  try {
    line = splitConfigLine(text);
    if (line !== undefined) await takeLine(line, place, state, reading, options);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    tellMistake(`${place.file} line ${place.line}: ${error.message}`, line?.keyword, place, state, reading);
  }
}

function tellMistake(
  text: string,
  keyword: string | undefined,
  place: ConfigPlace,
  { mistakes }: FileState,
  { onEvent }: Reading,
): void {
  mistakes.push({ ...place, keyword, text });
  onEvent({ kind: 'mistake', place, text });
}

async function takeLine(
  line: ConfigLine,
  place: ConfigPlace,
  state: FileState,
  reading: Reading,
  options: DepthOptions,
): Promise<void> {
  const { keyword, words } = line;
  switch (keyword) {
    case 'host': {
      requireWords(line);
      if (words.includes('')) throw new ValueError('keyword host empty argument');
      const judgement = judgeHost(words, reading.host);
      settleBlock({ ...judgement, keyword: 'Host', words, place }, state, reading, options);
      if (state.active) tellApplying(`Applying options for ${judgement.because}`, place, reading);
      return;
    }
    case 'match': {
      const judgement = await judgeMatch(words, reading.subject);
      settleBlock({ ...judgement, keyword: 'Match', words, place }, state, reading, options);
      if (state.active) tellApplying(`matched '${words.join(' ')}'`, place, reading);
      return;
    }
    case 'include':
      requireWords(line);
      return await include(words, place, state, reading, options);
    default:
      takeSetting(line, place, state, reading);
  }
}

function settleBlock(
  block: Omit<BlockEvent, 'isShutOut' | 'isFinalPass'>,
  state: FileState,
  { onBlock, subject: { isFinalPass } }: Reading,
  { neverActive }: DepthOptions,
): void {
  state.active = block.applies && !neverActive;
  onBlock({ ...block, applies: state.active, isShutOut: neverActive, isFinalPass });
}

function tellApplying(text: string, place: ConfigPlace, { onEvent }: Reading): void {
  onEvent({ kind: 'applying', place, text: `${place.file} line ${place.line}: ${text}` });
}

function takeSetting(line: ConfigLine, place: ConfigPlace, state: FileState, reading: Reading): void {
  const { keyword } = line;
  const key = findClientKeyword(keyword);
  const at = `${place.file} line ${place.line}`;
  if (key === undefined) {
    if (pastKeywords.has(keyword)) {
      reading.onEvent({ kind: 'past', place, text: `${at}: Deprecated option "${keyword}"` });
    } else if (matchPatternList(keyword, (reading.draft.ignoreUnknown ?? '').toLowerCase()) === 'match') {
      reading.onEvent({ kind: 'ignored', place, text: `${at}: Ignored unknown option "${keyword}"` });
    } else {
      const text = `${place.file}: line ${place.line}: Bad configuration option: ${keyword}`;
      tellMistake(text, keyword, place, state, reading);
    }
    return;
  }
  requireWords(line);
  const row = clientRow(key);
  const before: unknown = reading.draft[key];
  const value = row.read({ words: line.words, rest: line.rest, place, keyword }, row.accumulates ? before : undefined);
  if (!state.active) return;
  const winner = winnerOver(key, reading);
  if (winner !== undefined) {
    tellShadowed(row.name, place, winner, reading);
    return;
  }
  (reading.draft as Record<string, unknown>)[key] = value;
  reading.origins.set(key, placesOf(value, before, reading.origins.get(key) ?? [], place));
  if (row.unserved !== undefined) {
    reading.onEvent({ kind: 'unserved', place, text: `${at}: ${row.name} has no effect: ${row.unserved}` });
  }
}

/** Of a list the place of every value, wherever its neighbours were said; of anything else the places of all its lines. */
function placesOf(value: unknown, before: unknown, places: readonly ConfigPlace[], place: ConfigPlace): ConfigPlace[] {
  if (!Array.isArray(value)) return [...places, place];
  const known: readonly unknown[] = Array.isArray(before) ? before : [];
  return value.map((each) => {
    const at = known.indexOf(each);
    return at < 0 ? place : (places[at] ?? places.at(-1) ?? place);
  });
}

/** What was said before, by the keyword itself or by one that stands for the same thing. */
function winnerOver(key: ClientKeyword, { draft }: Reading): ClientKeyword | undefined {
  if (!clientRow(key).accumulates && draft[key] !== undefined) return key;
  const rival = rivals[key];
  return rival !== undefined && draft[rival] !== undefined ? rival : undefined;
}

function tellShadowed(name: string, place: ConfigPlace, winner: ClientKeyword, { origins, onEvent }: Reading): void {
  const first = origins.get(winner)?.[0];
  // The very line, read a second time.
  if (first === undefined || (first.file === place.file && first.line === place.line)) return;
  const where = first.line === 0 ? `the ${first.file}` : `${first.file} line ${first.line}`;
  const said = clientRow(winner).name === name ? 'it' : clientRow(winner).name;
  const text = `${place.file} line ${place.line}: ${name} has no effect: ${where} says ${said} first`;
  onEvent({ kind: 'shadowed', place, text });
}

function requireWords({ keyword, words }: ConfigLine): void {
  if (words.length === 0) throw new ValueError(`no argument after keyword "${keyword}"`);
}

async function include(
  patterns: readonly string[],
  place: ConfigPlace,
  state: FileState,
  reading: Reading,
  options: DepthOptions,
): Promise<void> {
  // Ends the reading at once: two files that each name the other twice would double the work with every step.
  if (options.depth >= maxIncludeDepth) {
    throw configError(place, 'Too many recursive configuration includes', 'Look for files that include each other.');
  }
  const { system } = reading;
  const folder = options.isUsers ? join(system.home, '.ssh') : '/etc/ssh';
  for (const pattern of patterns) {
    if (pattern === '') throw new ValueError('keyword include empty argument');
    if (pattern.startsWith('~') && !options.isUsers) throw new ValueError(`bad include path ${pattern}.`);
    const expanded = expandTokens(expandVariables(pattern, system.environment, 'include'), reading.tokens(), 'include');
    const path = expandHome(expanded, system.home);
    if (path.startsWith('~')) throw new ValueError(`bad include path ${pattern}: of "~" only "~/" is understood here.`);
    const found = await system.expandGlob(isAbsolute(path) ? path : join(folder, path));
    for (const file of found) {
      await readAt(file, reading, {
        ...options,
        // Also below a file that is not checked itself, as OpenSSH has it: names of many files are easier to slip one under.
        checkOwner: true,
        named: false,
        depth: options.depth + 1,
        neverActive: !state.active,
      });
    }
  }
}
