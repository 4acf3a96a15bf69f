/** Values of sshd_config about who is meant and what their sessions get: names, variables, subsystems, forwards. */
import {
  formatTunnelQuota,
  matchCidrList,
  matchHostAndAddress,
  matchPatternList,
  parseForwardRule,
  parseTunnelQuota,
  parseTunnelRule,
  type TunnelQuota,
  type TunnelRule,
} from '../../trust/index.ts';
import { ValueError } from '../place.ts';
import { type Given, type KeywordRow, quoteWord, row } from '../values.ts';
import { oneWord, requirePattern } from './rows.ts';

/** A pattern of names to accept; OpenSSH would take `!name` for a name that begins so, and let in whom it should keep out. */
export function checkUserPattern(text: string, { keyword }: Given): void {
  if (text.startsWith('!')) throw new ValueError(`"${text}" negates nothing here; use the matching Deny keyword.`);
  const complaint = `invalid ${keyword} pattern: "${text}"`;
  if (text === '') throw new ValueError(complaint);
  const at = text.lastIndexOf('@');
  requirePattern(() => {
    if (at >= 0) matchHostAndAddress(text.slice(at + 1), undefined, undefined);
    matchPatternList('', text);
  }, complaint);
}

export function checkGroupPattern(text: string, { keyword }: Given): void {
  if (text === '') throw new ValueError(`empty ${keyword} pattern`);
  if (text.startsWith('!')) throw new ValueError(`"${text}" negates nothing here; use the matching Deny keyword.`);
  requirePattern(() => void matchPatternList('', text), `invalid ${keyword} pattern: "${text}"`);
}

export function checkEnvironmentPattern(text: string): void {
  if (text === '' || text.includes('=')) throw new ValueError('Invalid environment name.');
  requirePattern(() => void matchPatternList('', text), 'Invalid environment name.');
}

/** Names and values; of a name in one line the first counts. */
export const setEnv: KeywordRow<ReadonlyMap<string, string>> = row<ReadonlyMap<string, string>>(
  'SetEnv',
  new Map(),
  ({ words }) => {
    const values = new Map<string, string>();
    for (const text of words) {
      const at = text.indexOf('=');
      if (at < 1) throw new ValueError('Invalid environment.');
      const name = text.slice(0, at);
      if (!values.has(name)) values.set(name, text.slice(at + 1));
    }
    return values;
  },
  // One line with all of them: of several lines only the first would count when it is read back.
  (values) => (values.size === 0 ? [] : [[...values].map(([name, value]) => quoteWord(`${name}=${value}`)).join(' ')]),
);

/** True and false are every name and none; else a pattern list of names. */
export const permitUserEnvironment: KeywordRow<boolean | string> = oneWord<boolean | string>(
  'PermitUserEnvironment',
  false,
  (text) => {
    if (text === 'yes' || text === 'no') return text === 'yes';
    requirePattern(() => void matchPatternList('', text), 'invalid pattern list.');
    return text;
  },
  (value) => (typeof value === 'string' ? quoteWord(value) : value ? 'yes' : 'no'),
);

/** Commands by name; of a name the first line counts. */
export const subsystems: KeywordRow<ReadonlyMap<string, string>> = row<ReadonlyMap<string, string>>(
  'Subsystem',
  new Map(),
  ({ words: [name = '', program = '', ...more], keyword }, before = new Map()) => {
    if (name === '') throw new ValueError(`${keyword} missing argument.`);
    if (program === '') throw new ValueError('Missing subsystem command.');
    if (before.has(name)) return before;
    return new Map([...before, [name, [program, ...more].map(quoteWord).join(' ')]]);
  },
  (commands) => [...commands].map(([name, command]) => `${quoteWord(name)} ${command}`),
  true,
);

export function mergeSubsystems(
  outside: ReadonlyMap<string, string>,
  inBlocks: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  return new Map([...outside, ...inBlocks]);
}

/** Rules as they were written; undefined is any, and an empty list is none. */
export function forwardRules(name: string, hostOptional: boolean): KeywordRow<readonly string[] | undefined> {
  return row<readonly string[] | undefined>(
    name,
    undefined,
    ({ words, keyword }) => {
      const [first = ''] = words;
      if (first === '') throw new ValueError(`${keyword} missing argument.`);
      if (first === 'any' || first === 'none') {
        if (words.length > 1) throw new ValueError(`keyword ${keyword} extra arguments at end of line`);
        return first === 'none' ? [] : undefined;
      }
      return words.map((text) => {
        if (parseForwardRule(text, hostOptional) === undefined) {
          throw new ValueError(`${keyword} ${/^:|^$/.test(text) ? 'missing host' : 'bad port number'}`);
        }
        return text.includes(':') ? text : `*:${text}`;
      });
    },
    (rules) => [rules === undefined ? 'any' : rules.length === 0 ? 'none' : rules.map(quoteWord).join(' ')],
  );
}

/** A rule a line, in order. */
export const tunnelPolicy: KeywordRow<readonly TunnelRule[]> = row<readonly TunnelRule[]>(
  'TunnelPolicy',
  [],
  ({ words, keyword }, before = []) => [...before, readTrusted(keyword, () => parseTunnelRule(words))],
  (rules) => rules.map((rule) => rule.words.map(quoteWord).join(' ')),
  true,
);

/** Those of Match blocks are asked first: what holds for everybody still holds where they are silent. */
export function mergeTunnelPolicies(
  outside: readonly TunnelRule[],
  inBlocks: readonly TunnelRule[],
): readonly TunnelRule[] {
  return [...inBlocks, ...outside];
}

/** A quota a line, all of which hold; `none` is none, for Match blocks. */
export const tunnelQuota: KeywordRow<readonly TunnelQuota[]> = row<readonly TunnelQuota[]>(
  'TunnelQuota',
  [],
  ({ words, keyword }, before = []) => {
    if (words.length === 1 && words[0]?.toLowerCase() === 'none') return before;
    return [...before, readTrusted(keyword, () => parseTunnelQuota(words))];
  },
  (quotas) => quotas.map(formatTunnelQuota),
  true,
);

/** Addresses and blocks of any number in any number of lines. */
export const proxyProtocolFrom: KeywordRow<readonly string[]> = row<readonly string[]>(
  'ProxyProtocolFrom',
  [],
  ({ words, keyword }, before = []) => {
    for (const text of words) readTrusted(keyword, () => void matchCidrList(text, undefined));
    return [...before, ...words];
  },
  (blocks) => (blocks.length === 0 ? [] : [blocks.map(quoteWord).join(' ')]),
  true,
);

/** Complains of what a file of trust would not hold either. */
function readTrusted<T>(keyword: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ValueError(`${keyword}: ${(error as Error).message}`);
  }
}
