/** `Match` lines of sshd_config: compiled once, asked for every connection. */
import { matchHostAndAddress, matchHostPatternList, matchPatternList } from '../../trust/index.ts';
import { version } from '../../version.ts';
import { ValueError } from '../place.ts';

/** What is known of a connection whose user has named himself. A criterion that asks for what is not known does not fit. */
export interface ConnectionFacts {
  readonly user?: string | undefined;
  /** There is no account of that name. */
  readonly isInvalidUser?: boolean | undefined;
  /** The names of the user's groups; asked for only where a line does. */
  readonly groups?: (() => readonly string[]) | undefined;
  /** The client's name, or its address where names are not looked up. */
  readonly host?: string | undefined;
  readonly address?: string | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly rdomain?: string | undefined;
}

/** A Match line. */
export interface MatchCondition {
  /** `Match all`. */
  readonly isAll: boolean;
  matches(facts: ConnectionFacts): boolean;
}

type Criterion = (facts: ConnectionFacts) => boolean;

/** Criteria with an argument, by lower-case name; what makes them checks the argument. */
const criteria: Readonly<Record<string, (argument: string) => Criterion>> = {
  user: (list) => {
    checkPatterns(list);
    return ({ user }) => user !== undefined && matchPatternList(user, list) === 'match';
  },
  group: (list) => {
    checkPatterns(list);
    return ({ user, groups }) => user !== undefined && isInGroups(groups?.() ?? [], list);
  },
  host: (list) => {
    checkPatterns(list);
    return ({ host }) => host !== undefined && matchHostPatternList(host, list) === 'match';
  },
  address: (list) => addressCriterion(list, 'address', ({ address }) => address),
  localaddress: (list) => addressCriterion(list, 'localaddress', ({ localAddress }) => localAddress),
  localport: (text) => {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 65_536;
    if (port > 65_535) throw conditionError(`Invalid LocalPort '${text}' on Match line`);
    return ({ localPort }) => localPort === port;
  },
  rdomain: (list) => {
    checkPatterns(list);
    return ({ rdomain }) => rdomain !== undefined && matchPatternList(rdomain, list) === 'match';
  },
  version: (list) => {
    checkPatterns(list);
    return () => matchPatternList(`nacre_${version}`, list) === 'match';
  },
};

/**
 * Compiles the words behind `Match`.
 *
 * @throws ValueError whose cause is OpenSSH's text for what is wrong.
 */
export function compileMatch(words: readonly string[]): MatchCondition {
  const found: Criterion[] = [];
  for (let at = 0; at < words.length; at++) {
    const [, name = '', inline] = /^([^=]*)(?:=([\s\S]*))?$/.exec(words[at] as string) ?? [];
    const criterion = name.toLowerCase();
    if (criterion === 'all') {
      if (words.length > 1) throw conditionError("'all' cannot be combined with other Match attributes");
      return { isAll: true, matches: () => true };
    }
    if (criterion === 'invalid-user') {
      found.push(({ isInvalidUser }) => isInvalidUser === true);
      continue;
    }
    if (!Object.hasOwn(criteria, criterion)) throw conditionError(`Unsupported Match attribute ${name}`);
    const argument = inline ?? words[++at];
    if (argument === undefined || argument === '') throw conditionError(`Missing Match criteria for ${name}`);
    found.push((criteria[criterion] as (argument: string) => Criterion)(argument));
  }
  if (found.length === 0) throw conditionError('One or more attributes required for Match');
  return { isAll: false, matches: (facts) => found.every((criterion) => criterion(facts)) };
}

function addressCriterion(
  list: string,
  name: string,
  addressOf: (facts: ConnectionFacts) => string | undefined,
): Criterion {
  try {
    matchHostAndAddress(list, undefined, undefined);
  } catch {
    throw conditionError(`Invalid Match ${name} argument '${list}'`);
  }
  return (facts) => {
    const address = addressOf(facts);
    return address !== undefined && matchHostAndAddress(list, undefined, address) === 'match';
  };
}

/** One group that is negated outweighs all others. */
function isInGroups(groups: readonly string[], list: string): boolean {
  const results = groups.map((group) => matchPatternList(group, list));
  return results.includes('match') && !results.includes('negated');
}

function checkPatterns(list: string): void {
  try {
    matchPatternList('', list);
  } catch (cause) {
    throw conditionError((cause as Error).message);
  }
}

function conditionError(detail: string): ValueError {
  return new ValueError('Bad Match condition', { cause: detail });
}
