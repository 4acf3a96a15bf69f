/** Values of sshd_config that only one keyword has. */
import { matchHostAndAddress } from '../../trust/index.ts';
import * as shared from '../client/special-values.ts';
import { ValueError } from '../place.ts';
import { type KeywordRow, list, only, parseBytes, parseSeconds, quoteWord, row } from '../values.ts';
import { isNone, oneWord, parseCount, requirePattern } from './rows.ts';

/** OpenSSH's MAX_PORTS. */
const maxPorts = 256;

/** Empty stands for 22. */
export const ports: KeywordRow<readonly number[]> = row<readonly number[]>(
  'Port',
  [],
  (given, before = []) => {
    if (before.length >= maxPorts) throw new ValueError('too many ports.');
    return [...before, parsePort(only(given, 'missing port number.'), 'Badly formatted port number.')];
  },
  (value) => (value.length === 0 ? ['22'] : value.map(String)),
  true,
);

function parsePort(text: string, complaint: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new ValueError(complaint);
  return port;
}

export interface ListenAddress {
  readonly host: string;
  /** Undefined: every port of `Port`. */
  readonly port: number | undefined;
  /** The routing domain that the socket is bound to. */
  readonly rdomain?: string;
}

export const listenAddress: KeywordRow<readonly ListenAddress[]> = row<readonly ListenAddress[]>(
  'ListenAddress',
  [],
  ({ words: [text = '', word, rdomain, ...more], keyword }, before = []) => {
    if (text === '') throw new ValueError('missing address');
    if (word === undefined) return [...before, parseListenAddress(text)];
    if (word !== 'rdomain' || rdomain === undefined) throw new ValueError('bad ListenAddress syntax');
    if (more.length > 0) throw new ValueError(`keyword ${keyword} extra arguments at end of line`);
    // Linux: the name of a network device.
    if (!/^[^\s/]{1,15}$/.test(rdomain)) throw new ValueError('bad routing domain');
    return [...before, { ...parseListenAddress(text), rdomain }];
  },
  (value) => value.map(formatListenAddress),
  true,
);

function formatListenAddress({ host, port, rdomain }: ListenAddress): string {
  const place = quoteWord(port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`);
  return rdomain === undefined ? place : `${place} rdomain ${quoteWord(rdomain)}`;
}

function parseListenAddress(text: string): ListenAddress {
  // A bare IPv6 address has no port.
  if (!/[[\]]/.test(text) && text.split(':').length > 2) return { host: text, port: undefined };
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(.*))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw new ValueError('bad address:port usage');
  return { host, port: port === undefined ? undefined : parsePort(port, 'bad port number') };
}

/** Connections that have not logged in: from `start` on one of `ratePercent` is refused at random, from `full` on all. */
export interface Startups {
  readonly start: number;
  readonly ratePercent: number;
  readonly full: number;
}

/** The last line counts, as in OpenSSH; a rate that it does not name stays. */
export const maxStartups: KeywordRow<Startups> = row<Startups>(
  'MaxStartups',
  { start: 10, ratePercent: 30, full: 100 },
  (given, before) => {
    const text = only(given, `${given.keyword} missing argument.`);
    const [, start, rate, full] = /^(\d{1,9})(?::(\d{1,3}):(\d{1,9}))?$/.exec(text) ?? [];
    const value = {
      start: Number(start),
      ratePercent: rate === undefined ? (before?.ratePercent ?? 30) : Number(rate),
      full: Number(full ?? start),
    };
    const isGood =
      start !== undefined && value.full >= value.start && value.ratePercent >= 1 && value.ratePercent <= 100;
    if (!isGood) throw new ValueError(`Invalid ${given.keyword} spec.`);
    return value;
  },
  ({ start, ratePercent, full }) => [`${start}:${ratePercent}:${full}`],
  true,
);

/** Undefined is no limit. */
export const perSourceMaxStartups: KeywordRow<number | undefined> = oneWord<number | undefined>(
  'PerSourceMaxStartups',
  undefined,
  (text, given) => (text === 'none' ? undefined : parseCount(text, given)),
  (value) => (value === undefined ? 'none' : String(value)),
);

/** Bits of addresses that count as one source. */
export interface NetBlockSize {
  readonly ipv4: number;
  readonly ipv6: number;
}

export const perSourceNetBlockSize: KeywordRow<NetBlockSize> = {
  ...oneWord<NetBlockSize>(
    'PerSourceNetBlockSize',
    { ipv4: 32, ipv6: 128 },
    (text, { keyword }) => {
      const [, ipv4, ipv6 = '128'] = /^(\d{1,3})(?::(\d{1,3}))?$/.exec(text) ?? [];
      if (ipv4 === undefined || Number(ipv4) > 32 || Number(ipv6) > 128)
        throw new ValueError(`Invalid ${keyword} spec.`);
      return { ipv4: Number(ipv4), ipv6: Number(ipv6) };
    },
    ({ ipv4, ipv6 }) => `${ipv4}:${ipv6}`,
  ),
  accumulates: true,
};

/** Addresses that no penalty holds off; undefined is nobody. */
export const penaltyExemptList: KeywordRow<string | undefined> = oneWord<string | undefined>(
  'PerSourcePenaltyExemptList',
  undefined,
  (text, { keyword }) => {
    if (isNone(text)) return undefined;
    requirePattern(
      () => matchHostAndAddress(text, undefined, undefined),
      `keyword ${keyword} invalid address argument.`,
    );
    return text;
  },
  (value) => (value === undefined ? 'none' : quoteWord(value)),
);

const methodNames = 'publickey password keyboard-interactive hostbased gssapi-with-mic none'.split(' ');

/** Lists of methods as they were written, each separated by commas; none at all means that any method will do. */
export const authenticationMethods: KeywordRow<readonly string[]> = row<readonly string[]>(
  'AuthenticationMethods',
  [],
  ({ words, keyword }) => {
    if (words.includes('any')) {
      if (words.length > 1) throw new ValueError(`"any" must appear alone in ${keyword}`);
      return [];
    }
    for (const list of words) {
      const known = (name: string) =>
        methodNames.includes(name.replace(/^(keyboard-interactive):(?:pam|bsdauth)$/, '$1'));
      const unknown = list.split(',').find((name) => !known(name));
      if (unknown === undefined) continue;
      throw new ValueError(`invalid ${keyword} method list.`, {
        cause: `Unknown authentication method "${unknown}" in list`,
      });
    }
    return words;
  },
  (lists) => [lists.length === 0 ? 'any' : lists.join(' ')],
);

export const authorizedKeysFile: KeywordRow<readonly string[]> = row<readonly string[]>(
  'AuthorizedKeysFile',
  ['.ssh/authorized_keys', '.ssh/authorized_keys2'],
  ({ words, keyword }) => {
    if (words.includes('')) throw new ValueError(`keyword ${keyword} empty argument`);
    return words;
  },
  (files) => [files.map(quoteWord).join(' ')],
);

/** Empty is no file. */
export const revokedKeys: KeywordRow<readonly string[]> = row<readonly string[]>(
  'RevokedKeys',
  [],
  ({ words, absolute }) => {
    if (words.includes('')) throw new ValueError('missing file name.');
    if (words.some(isNone)) {
      if (words.length === 1) return [];
      throw new ValueError('keyword RevokedKeys "none" argument must appear alone.');
    }
    return words.map((path) => absolute?.(path) ?? path);
  },
  (files) => [files.length === 0 ? 'none' : files.map(quoteWord).join(' ')],
);

/** SSH_AUTH_SOCK is the variable's value, not a file. */
export const hostKeyAgent: KeywordRow<string | undefined> = oneWord<string | undefined>(
  'HostKeyAgent',
  undefined,
  (text, { absolute }) => (isNone(text) ? undefined : text === 'SSH_AUTH_SOCK' ? text : (absolute?.(text) ?? text)),
  (value) => (value === undefined ? 'none' : quoteWord(value)),
  'missing socket name.',
);

export const securityKeyProvider: KeywordRow<string> = oneWord(
  'SecurityKeyProvider',
  'internal',
  (text, { absolute }) => (text.toLowerCase() === 'internal' ? 'internal' : (absolute?.(text) ?? text)),
  quoteWord,
);

/** What a signature of a security key has to show, whatever the key's line says. */
export interface PubkeyAuthOptions {
  readonly touchRequired: boolean;
  readonly verifyRequired: boolean;
}

export const pubkeyAuthOptions: KeywordRow<PubkeyAuthOptions> = row<PubkeyAuthOptions>(
  'PubkeyAuthOptions',
  { touchRequired: false, verifyRequired: false },
  ({ words, keyword }) => {
    const names = words.map((word) => word.toLowerCase());
    const unknown = words.find(
      (_word, at) => !['none', 'touch-required', 'verify-required'].includes(names[at] as string),
    );
    if (unknown !== undefined) throw new ValueError(`unsupported ${keyword} option ${unknown}`);
    return { touchRequired: names.includes('touch-required'), verifyRequired: names.includes('verify-required') };
  },
  ({ touchRequired, verifyRequired }) => {
    const names = [...(touchRequired ? ['touch-required'] : []), ...(verifyRequired ? ['verify-required'] : [])];
    return [names.join(' ') || 'none'];
  },
);

/** What may be set is added by every line; undefined is not said yet. */
export interface RekeyLimits {
  /** 0 is the cipher's own limit. */
  readonly bytes: number | undefined;
  /** 0 is no limit. */
  readonly seconds: number | undefined;
}

/** Bytes and time are two values, of each of which the first counts. */
export const rekeyLimit: KeywordRow<RekeyLimits> = row<RekeyLimits>(
  'RekeyLimit',
  { bytes: undefined, seconds: undefined },
  ({ words: [size = '', age, ...more], keyword }, before) => {
    if (more.length > 0) throw new ValueError(`keyword ${keyword} extra arguments at end of line`);
    if (size === '') throw new ValueError(`${keyword} missing argument.`);
    const bytes = size === 'default' ? 0 : parseSize(size, keyword);
    const seconds = age === undefined || age === 'none' ? undefined : parseSeconds(age);
    return { bytes: before?.bytes ?? bytes, seconds: before?.seconds ?? seconds };
  },
  ({ bytes = 0, seconds = 0 }) => [`${bytes} ${seconds}`],
  true,
);

export function mergeRekeyLimits(outside: RekeyLimits, inBlocks: RekeyLimits): RekeyLimits {
  return { bytes: inBlocks.bytes ?? outside.bytes, seconds: inBlocks.seconds ?? outside.seconds };
}

function parseSize(text: string, keyword: string): number {
  let bytes: number;
  try {
    bytes = parseBytes(text);
  } catch {
    throw new ValueError(`Bad ${keyword} number '${text}': Invalid argument`);
  }
  if (bytes !== 0 && bytes < 16) throw new ValueError(`${keyword} too small`);
  return bytes;
}

/** OpenSSH has two names for some levels, and prints the first. */
export const logLevel: KeywordRow<shared.ConfigLogLevel> = {
  ...shared.logLevel,
  read: (given, before) => {
    const words = given.words.map((word) => (word.toUpperCase() === 'SILENT' ? 'QUIET' : word));
    return shared.logLevel.read({ ...given, words }, before);
  },
  format: (value) => [value === 'DEBUG1' ? 'DEBUG' : value === 'QUIET' ? 'SILENT' : value],
};

export const syslogFacility: KeywordRow<string> = { ...shared.syslogFacility, initial: 'AUTH' };

export const channelTimeout: KeywordRow<readonly shared.ChannelTimeoutRule[]> = {
  ...shared.channelTimeout,
  read(given, before) {
    const bad = given.words.find((word) => !isNone(word) && !word.includes('='));
    if (bad !== undefined) throw new ValueError(`invalid channel timeout ${bad}`);
    return shared.channelTimeout.read(given, before);
  },
  format: (rules) => [rules.length === 0 ? 'none' : rules.map(({ text }) => quoteWord(text)).join(' ')],
};

/** Patterns of the places in OpenSSH's source whose messages are wanted. */
export const logVerbose: KeywordRow<readonly string[]> = list('LogVerbose', []);

/** The last line counts, as in OpenSSH. */
export const ipQos: KeywordRow<shared.IpQos> = { ...shared.ipQos, accumulates: true };

const digests = ['MD5', 'SHA1', 'SHA256', 'SHA384', 'SHA512'] as const;

/** The last line counts, as in OpenSSH. */
export const fingerprintHash: KeywordRow<string> = {
  ...oneWord(
    'FingerprintHash',
    'SHA256',
    (text, { keyword }) => {
      const found = digests.find((name) => name === text.toUpperCase());
      if (found === undefined) throw new ValueError(`Invalid ${keyword} algorithm "${text}".`);
      return found as string;
    },
    (name) => name,
  ),
  accumulates: true,
};

/** An octal umask; the last line counts, as in OpenSSH. */
export const streamLocalBindMask: KeywordRow<number> = {
  ...oneWord(
    'StreamLocalBindMask',
    0o177,
    (text, { keyword }) => {
      const mask = /^[0-7]{1,6}$/.test(text) ? Number.parseInt(text, 8) : -1;
      if (mask < 0 || mask > 0o777) throw new ValueError(`Invalid ${keyword}.`);
      return mask;
    },
    (mask) => `0${mask.toString(8)}`,
  ),
  accumulates: true,
};

/** 0 is never. As in OpenSSH, `none` outweighs a time in an earlier line. */
export const unusedConnectionTimeout: KeywordRow<number> = row<number>(
  'UnusedConnectionTimeout',
  0,
  (given, before) => {
    const text = only(given, 'missing time value.');
    const seconds = isNone(text) ? 0 : parseSeconds(text);
    return isNone(text) ? 0 : (before ?? seconds);
  },
  (seconds) => [seconds === 0 ? 'none' : String(seconds)],
  true,
);
