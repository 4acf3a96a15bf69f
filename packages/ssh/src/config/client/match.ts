/** `Host` and `Match` lines of ssh_config: whether the lines below them apply. */
import { matchAddressList, matchPatternList } from '../../trust/index.ts';
import { version } from '../../version.ts';
import { ValueError } from '../place.ts';

/** What criteria are asked about. Looked at only when a criterion asks: the values may depend on lines before. */
export interface MatchSubject {
  readonly originalHost: string;
  /** After Hostname and canonicalization. */
  host(): string;
  user(): string;
  readonly localUser: string;
  tag(): string;
  /** What is to be run; `` for a shell. */
  command(): string;
  /** `shell`, `exec`, `subsystem` or `none`. */
  sessionType(): string;
  localAddresses(): readonly string[];
  /** Runs a command, its tokens expanded. */
  exec(command: string): Promise<RanCommand>;
  /** The files are being read once more, with the canonical name or because a line asked for it. */
  readonly isFinalPass: boolean;
  /** A `Match final` was met. */
  wantFinalPass(): void;
}

/** A command of `Match exec`, and what came of it. */
export interface RanCommand {
  readonly command: string;
  readonly status: number;
}

/** Whether the lines below a Host or Match line apply, and what decided. */
export interface Judgement {
  readonly applies: boolean;
  /** The pattern of Host that fitted or ruled the name out, the criterion of Match that did not fit; undefined where none did. */
  readonly because: string | undefined;
  readonly ran: readonly RanCommand[];
}

/** Whether any pattern fits and none is negated. */
export function judgeHost(patterns: readonly string[], host: string): Judgement {
  let hit: string | undefined;
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith('!');
    const result = matchPatternList(host.toLowerCase(), (isNegated ? pattern.slice(1) : pattern).toLowerCase());
    if (result !== 'match') continue;
    if (isNegated) return { applies: false, because: pattern, ran: [] };
    hit ??= pattern;
  }
  return { applies: hit !== undefined, because: hit, ran: [] };
}

/** Criteria without an argument. */
const bare: ReadonlySet<string> = new Set(['all', 'canonical', 'final']);

/**
 * Whether a Match line applies. Every criterion is checked for its form, also behind one that did not fit; commands are run
 * only while the line may still apply.
 *
 * @throws ValueError for a line that is wrong.
 */
export async function judgeMatch(words: readonly string[], subject: MatchSubject): Promise<Judgement> {
  const ran: RanCommand[] = [];
  let failed: string | undefined;
  let count = 0;
  const settle = (fits: boolean, typed: string): void => {
    if (!fits) failed ??= typed;
  };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const [, sign = '', name = '', inline] = /^(!?)([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    const criterion = name.toLowerCase();
    const isNegated = sign === '!';
    if (criterion === 'all') {
      if (count > 1 || at + 1 < words.length || (count === 1 && !isAfterPass(words))) {
        throw new ValueError("'all' cannot be combined with other Match attributes");
      }
      settle(!isNegated, word);
      return { applies: failed === undefined, because: failed, ran };
    }
    count++;
    if (bare.has(criterion)) {
      if (criterion === 'final') subject.wantFinalPass();
      settle(subject.isFinalPass !== isNegated, word);
      continue;
    }
    const argument = inline ?? words[++at];
    if (argument === undefined || (argument === '' && !emptyAllowed.has(criterion))) {
      throw new ValueError(`missing argument for Match '${name}'`);
    }
    const mayRun = failed === undefined;
    const result =
      criterion === 'exec' ? mayRun && (await run(argument, subject, ran)) : judge(criterion, argument, subject);
    if (result === undefined) throw new ValueError(`Unsupported Match attribute ${name}`);
    settle(result !== isNegated, inline === undefined ? `${word} ${argument}` : word);
  }
  if (count === 0) throw new ValueError('One or more attributes required for Match');
  return { applies: failed === undefined, because: failed, ran };
}

async function run(command: string, subject: MatchSubject, ran: RanCommand[]): Promise<boolean> {
  const done = await subject.exec(command);
  ran.push(done);
  return done.status === 0;
}

/** `Match canonical all` and `Match final all`. */
function isAfterPass([first = '']: readonly string[]): boolean {
  return bare.has(first.toLowerCase().replace(/^!/, ''));
}

/** An empty tag, and no command, can be asked for. */
const emptyAllowed: ReadonlySet<string> = new Set(['tagged', 'command']);

/** Undefined for a criterion that is not known. */
function judge(criterion: string, argument: string, subject: MatchSubject): boolean | undefined {
  const fits = (text: string): boolean => matchPatternList(text, argument) === 'match';
  const fitsHost = (host: string): boolean => matchPatternList(host.toLowerCase(), argument.toLowerCase()) === 'match';
  switch (criterion) {
    case 'host':
      return fitsHost(subject.host());
    case 'originalhost':
      return fitsHost(subject.originalHost);
    case 'user':
      return fits(subject.user());
    case 'localuser':
      return fits(subject.localUser);
    case 'tagged':
      return argument === '' ? subject.tag() === '' : fits(subject.tag());
    case 'command':
      return argument === '' ? subject.command() === '' : fits(subject.command());
    case 'sessiontype':
      return fits(subject.sessionType());
    case 'version':
      return fits(`nacre_${version}`);
    case 'localnetwork':
      return isOnNetwork(argument, subject.localAddresses());
    default:
      return undefined;
  }
}

function isOnNetwork(list: string, addresses: readonly string[]): boolean {
  try {
    return addresses.map((address) => matchAddressList(list, address)).includes('match');
  } catch (cause) {
    throw new ValueError(`Invalid network specification '${list}'`, { cause });
  }
}
