/** Values of ssh_config that only one keyword has. */
import { matchPattern } from '../../trust/index.ts';
import { type ConfigPlace, ValueError } from '../place.ts';
import {
  type Given,
  type KeywordRow,
  list,
  noneAlone,
  only,
  parseBytes,
  parseFlag,
  parseInteger,
  parseSeconds,
  quoteWord,
  row,
  single,
} from '../values.ts';

const domainList = list('CanonicalDomains', [], 'none');

/** Whether keys that were opened go into the agent, and for how long. */
export interface AddKeys {
  readonly mode: 'no' | 'yes' | 'ask' | 'confirm';
  /** 0 means for good. */
  readonly lifetimeSeconds: number;
}

/** `no`, `yes`, `ask`, `confirm [time]` or a time. */
export const addKeysToAgent: KeywordRow<AddKeys> = row<AddKeys>(
  'AddKeysToAgent',
  { mode: 'no', lifetimeSeconds: 0 },
  ({ words: [first = '', second, ...more] }) => {
    if (more.length > 0) throw new ValueError('extra arguments at end of line');
    const word = first.toLowerCase();
    if (word === 'confirm') {
      return { mode: 'confirm', lifetimeSeconds: second === undefined ? 0 : parseSeconds(second) };
    }
    if (second !== undefined) throw new ValueError('extra arguments at end of line');
    if (word === 'ask') return { mode: 'ask', lifetimeSeconds: 0 };
    if (/^\d/.test(word)) return { mode: 'yes', lifetimeSeconds: parseSeconds(word) };
    return { mode: parseFlag(first) ? 'yes' : 'no', lifetimeSeconds: 0 };
  },
  ({ mode, lifetimeSeconds }) => {
    if (lifetimeSeconds > 0) return [mode === 'confirm' ? `confirm ${lifetimeSeconds}` : String(lifetimeSeconds)];
    return [{ no: 'false', yes: 'true', ask: 'ask', confirm: 'confirm' }[mode]];
  },
);

/** Idle limits of channels by type; `global` is for all of them together. */
export interface ChannelTimeoutRule {
  readonly type: string;
  readonly seconds: number;
  /** As it was written: `session=5m`. */
  readonly text: string;
}

export const channelTimeout: KeywordRow<readonly ChannelTimeoutRule[]> = row<readonly ChannelTimeoutRule[]>(
  'ChannelTimeout',
  [],
  ({ words }) => {
    if (words.length === 1 && words[0]?.toLowerCase() === 'none') return [];
    return words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw new ValueError(`bad channel timeout "${word}".`);
      return { type: word.slice(0, at), seconds: parseSeconds(word.slice(at + 1)), text: word };
    });
  },
  (rules) => [rules.length === 0 ? 'none' : rules.map(({ text }) => text).join(' ')],
);

/** After the last session a master stays for good, for a time, or not at all. */
export type ControlPersist = { readonly keep: boolean; readonly seconds: number };

export const controlPersist: KeywordRow<ControlPersist> = single<ControlPersist>(
  'ControlPersist',
  { keep: false, seconds: 0 },
  (word) => {
    if (/^\d/.test(word)) return { keep: true, seconds: parseSeconds(word) };
    return { keep: parseFlag(word), seconds: 0 };
  },
  ({ keep, seconds }) => (keep && seconds > 0 ? String(seconds) : keep ? 'yes' : 'no'),
);

/** Seconds; `none` leaves it to the system. */
export const connectTimeout: KeywordRow<number | undefined> = single<number | undefined>(
  'ConnectTimeout',
  undefined,
  (word) => (word.toLowerCase() === 'none' ? undefined : parseSeconds(word)),
  (value) => (value === undefined ? 'none' : String(value)),
);

/** The character's code; `none` for no escapes. */
export const escapeChar: KeywordRow<number | 'none'> = single<number | 'none'>(
  'EscapeChar',
  0x7e,
  (word) => {
    const code = parseEscapeCharacter(word);
    if (code === 'invalid') throw new ValueError('Bad escape character.');
    return code;
  },
  (code) => {
    if (code === 'none') return 'none';
    if (code < 0x20 || code === 0x7f) return `^${String.fromCharCode(code ^ 0x40)}`;
    return quoteWord(String.fromCharCode(code));
  },
);

/** Reads EscapeChar and -e: one character, `^x` for a control character, `none`. Anything else gives `invalid`. */
export function parseEscapeCharacter(text: string): number | 'none' | 'invalid' {
  if (text === 'none') return 'none';
  const code = text.charCodeAt(text.length - 1);
  if (text.length === 1 && code < 0x80) return code;
  if (text.length === 2 && text[0] === '^' && code >= 0x40 && code < 0x80) return code & 31;
  return 'invalid';
}

/** Whose agent, or which socket, the server may use. */
export type ForwardAgent = boolean | string;

export const forwardAgent: KeywordRow<ForwardAgent> = single<ForwardAgent>(
  'ForwardAgent',
  false,
  (word) => (/^(?:yes|no|true|false)$/i.test(word) ? parseFlag(word) : word),
  (value) => (typeof value === 'string' ? quoteWord(value) : value ? 'yes' : 'no'),
);

/** A socket, `none`, `SSH_AUTH_SOCK`, or `$NAME` for the socket that a variable of the environment names. */
export const identityAgent: KeywordRow<string | undefined> = row<string | undefined>(
  'IdentityAgent',
  undefined,
  (given) => {
    const word = only(given);
    if (/^\$[^{]/.test(word) && !/^\$[A-Za-z_]\w*$/.test(word))
      throw new ValueError(`Invalid environment name ${word}.`);
    return word;
  },
  (value) => (value === undefined ? [] : [quoteWord(value)]),
);

/** Type of service: a DSCP by name or number, or `none` for what the system does. */
export interface IpQos {
  readonly interactive: string;
  readonly bulk: string;
}

const qosNames = (
  'af11 af12 af13 af21 af22 af23 af31 af32 af33 af41 af42 af43 cs0 cs1 cs2 cs3 cs4 cs5 cs6 cs7 ef le lowdelay throughput ' +
  'reliability none'
).split(' ');

export const ipQos: KeywordRow<IpQos> = row<IpQos>(
  'IPQoS',
  { interactive: 'ef', bulk: 'none' },
  ({ words: [first = '', second = first, ...more], keyword }) => {
    if (more.length > 0) throw new ValueError(`keyword ${keyword} extra arguments at end of line`);
    return { interactive: parseQos(first), bulk: parseQos(second) };
  },
  ({ interactive, bulk }) => [`${interactive} ${bulk}`],
);

function parseQos(word: string): string {
  const name = word.toLowerCase();
  if (qosNames.includes(name)) return name;
  const number = /^(?:0x[0-9a-f]{1,2}|\d{1,3})$/i.test(word) ? Number(word) : 256;
  if (number > 255) throw new ValueError(`Bad IPQoS value: ${word}`);
  return `0x${number.toString(16).padStart(2, '0')}`;
}

export const logLevels = ['QUIET', 'FATAL', 'ERROR', 'INFO', 'VERBOSE', 'DEBUG1', 'DEBUG2', 'DEBUG3'] as const;
export type ConfigLogLevel = (typeof logLevels)[number];

export const logLevel: KeywordRow<ConfigLogLevel> = single<ConfigLogLevel>(
  'LogLevel',
  'INFO',
  (word) => {
    const upper = word.toUpperCase();
    const name = Object.hasOwn(oldLevels, upper) ? oldLevels[upper] : upper;
    const level = logLevels.find((known) => known === name);
    if (level === undefined) throw new ValueError(`unsupported log level '${word}'`);
    return level;
  },
  // As OpenSSH's dump has it, by the oldest name.
  (value) => ({ QUIET: 'SILENT', DEBUG1: 'DEBUG' })[value as string] ?? value,
);

const oldLevels: Readonly<Record<string, ConfigLogLevel>> = { DEBUG: 'DEBUG1', SILENT: 'QUIET' };

/** Milliseconds between the packets that hide keystrokes; 0 switches it off. */
export const obscureKeystrokeTiming: KeywordRow<number> = single(
  'ObscureKeystrokeTiming',
  20,
  (word) => {
    const interval = /^interval:(.*)$/i.exec(word)?.[1];
    if (interval !== undefined) return parseInteger(interval, 1, 1000);
    return parseFlag(word) ? 20 : 0;
  },
  (value) => (value === 0 ? 'no' : value === 20 ? 'yes' : `interval:${value}`),
);

/** Targets that the server's clients may ask a remote SOCKS forward for. */
export const permitRemoteOpen: KeywordRow<readonly string[]> = row<readonly string[]>(
  'PermitRemoteOpen',
  ['any'],
  ({ words }) => {
    const [first = ''] = words;
    if (words.length === 1 && (first === 'any' || first === 'none')) return words;
    for (const word of words) {
      if (!/^(?:\[[^\]]+\]|[^:]+):(?:\*|\d{1,5})$/.test(word)) throw new ValueError('missing host in PermitRemoteOpen');
    }
    return words;
  },
  (value) => [value.join(' ')],
);

/** Jump hosts between commas, or `none`. Who they are is checked where they are used, when tokens have their values. */
export const proxyJump: KeywordRow<string | undefined> = row<string | undefined>(
  'ProxyJump',
  undefined,
  ({ rest }) => {
    const text = rest.replace(/#.*$/s, '').trimEnd();
    for (const hop of text.split(',')) {
      const place = hop.trim().replace(/^ssh:\/\/|\/$/g, '');
      // More than one colon without brackets is an IPv6 address, and has no port.
      const port = /^(?:[^:]*|[^[]*\[[^\]]*\]):([^:]*)$/.exec(place)?.[1];
      const isSound = place !== '' && !/\s|^@|@$/.test(place) && (port === undefined || isPort(port));
      if (!isSound) throw new ValueError(`Invalid ProxyJump "${text}"`);
    }
    return text;
  },
  (value) => (value === undefined ? [] : [value]),
);

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

/** After how many bytes and seconds keys are renewed; 0 bytes is the cipher's own limit, no seconds none by time. */
export interface RekeyLimitValue {
  readonly bytes: number;
  readonly seconds: number | undefined;
}

/** Bytes and seconds are two values: a line that gives no time leaves it to a later one, as in OpenSSH. */
export const rekeyLimit: KeywordRow<RekeyLimitValue> = row<RekeyLimitValue>(
  'RekeyLimit',
  { bytes: 0, seconds: undefined },
  ({ words: [size = '', time, ...more], keyword }, before) => {
    if (more.length > 0) throw new ValueError(`keyword ${keyword} extra arguments at end of line`);
    const bytes = /^(?:default|none)$/i.test(size) ? 0 : parseBytes(size);
    if (bytes !== 0 && bytes < 16) throw new ValueError('RekeyLimit too small');
    const seconds = time === undefined || time.toLowerCase() === 'none' ? undefined : parseSeconds(time);
    return { bytes: before?.bytes ?? bytes, seconds: before?.seconds ?? seconds };
  },
  ({ bytes, seconds = 0 }) => [`${bytes} ${seconds}`],
  true,
);

/** Patterns of names to send; a minus takes away those of earlier ones whose text fits, as OpenSSH does. */
export const sendEnv: KeywordRow<readonly string[]> = row<readonly string[]>(
  'SendEnv',
  [],
  ({ words }, before = []) => {
    let names = [...before];
    for (const word of words) {
      if (word === '' || word.includes('=')) throw new ValueError('Invalid environment name.');
      if (word.startsWith('-')) names = names.filter((name) => !matchPattern(name, word.slice(1)));
      else if (!names.includes(word)) names.push(word);
    }
    return names;
  },
  (names) => names,
  true,
);

export const setEnv: KeywordRow<readonly string[]> = row<readonly string[]>(
  'SetEnv',
  [],
  ({ words }) => {
    const names = new Set<string>();
    return words.filter((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw new ValueError('Invalid SetEnv.');
      // The first assignment of a name counts.
      const name = word.slice(0, at);
      return !names.has(name) && names.add(name) !== undefined;
    });
  },
  (assignments) => (assignments.length === 0 ? [] : [assignments.map(quoteWord).join(' ')]),
);

/** An octal umask. */
export const streamLocalBindMask: KeywordRow<number> = single(
  'StreamLocalBindMask',
  0o177,
  (word) => {
    if (!/^[0-7]{1,5}$/.test(word) || Number.parseInt(word, 8) > 0o777) throw new ValueError('Bad mask.');
    return Number.parseInt(word, 8);
  },
  (mask) => `0${mask.toString(8)}`,
);

const facilities = 'DAEMON USER AUTH AUTHPRIV LOCAL0 LOCAL1 LOCAL2 LOCAL3 LOCAL4 LOCAL5 LOCAL6 LOCAL7'.split(' ');

export const syslogFacility: KeywordRow<string> = single(
  'SyslogFacility',
  'USER',
  (word) => {
    const name = word.toUpperCase();
    if (!facilities.includes(name)) throw new ValueError(`unsupported log facility '${word}'`);
    return name;
  },
  (name) => name,
);

/** Domains to try. They become parts of names that are looked up and looked for in known_hosts. */
export const canonicalDomains: KeywordRow<readonly string[]> = {
  ...domainList,
  read(given, before) {
    const domains = domainList.read(given, before);
    for (const domain of domains) if (domain.toLowerCase() !== 'none') requireDomain(domain);
    return domains;
  },
};

function requireDomain(domain: string): void {
  const complain = (what: string) => new ValueError(`domain name "${domain.slice(0, 100)}" ${what}`);
  if (!/^[a-z0-9]/i.test(domain)) throw complain('starts with invalid character');
  if (/[^a-z0-9._-]/i.test(domain)) throw complain('contains invalid characters');
  if (domain.includes('..')) throw complain('contains consecutive separators');
}

/** CNAMEs that may be followed while a name is made canonical: names that match `source` may lead to `target`. */
export interface CnameRule {
  readonly source: string;
  readonly target: string;
}

export const canonicalizePermittedCnames: KeywordRow<readonly CnameRule[]> = row<readonly CnameRule[]>(
  'CanonicalizePermittedCNAMEs',
  [],
  ({ words }) => {
    if (words.length === 1 && words[0]?.toLowerCase() === 'none') return [];
    if (words.some((word) => word.toLowerCase() === 'none'))
      throw new ValueError(noneAlone('canonicalizepermittedcnames'));
    return words.map((word) => {
      if (word === '*') return { source: '*', target: '*' };
      const at = word.indexOf(':');
      if (at < 1 || at === word.length - 1) throw new ValueError(`Invalid permitted CNAME "${word}"`);
      return { source: word.slice(0, at).toLowerCase(), target: word.slice(at + 1).toLowerCase() };
    });
  },
  (rules) => [rules.length === 0 ? 'none' : rules.map(({ source, target }) => `${source}:${target}`).join(' ')],
);

/** Refuses to go on, with a text for the person. */
export const refuseConnection: KeywordRow<{ readonly text: string; readonly place: ConfigPlace } | undefined> = row<
  { readonly text: string; readonly place: ConfigPlace } | undefined
>(
  'RefuseConnection',
  undefined,
  (given: Given) => ({ text: only(given), place: given.place }),
  (value) => (value === undefined ? [] : [quoteWord(value.text)]),
);
