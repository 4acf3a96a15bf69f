/** Algorithm lists of the configuration, settled against what nacre knows: `+`, `-`, `^`, wildcards, and names it lacks. */
import { ciphers, macs } from '@nacre/ssh/crypto';
import { publicKeyAlgorithms } from '@nacre/ssh/keys';
import { type AlgorithmOptions, defaultAlgorithms, hostKeyAlgorithms, kexNames } from '@nacre/ssh/transport';
import { matchPattern } from '@nacre/ssh/trust';
import { FatalError } from './end.ts';
import type { Draft } from './keywords/settings.ts';
import type { AlgorithmSpec } from './keywords/values.ts';
import type { Log } from './log.ts';

/** What connect() is to offer; a list that nobody configured stays its default. */
export function chooseAlgorithms(settings: Draft, log: Log): AlgorithmOptions {
  const defaults = defaultAlgorithms('client');
  const { ciphers: cipherSpec, macs: macSpec, kexAlgorithms } = settings;
  const names = (rows: readonly { readonly name: string }[]) => rows.map((row) => row.name);
  return {
    ...(cipherSpec && { cipher: settle(cipherSpec, defaults.cipher, names(ciphers), log) }),
    ...(macSpec && { mac: settle(macSpec, defaults.mac, names(macs), log) }),
    ...(kexAlgorithms && { kex: settle(kexAlgorithms, defaults.kex, kexNames, log) }),
    ...(settings.compression && { compression: ['zlib@openssh.com', 'none'] }),
  };
}

/** The host key algorithms to offer; whether their order is the person's own, or may follow what known_hosts has. */
export function chooseHostKeyAlgorithms(
  { hostKeyAlgorithms: spec }: Draft,
  log: Log,
): { names: readonly string[] | undefined; mayReorder: boolean } {
  if (spec === undefined) return { names: undefined, mayReorder: true };
  const known = hostKeyAlgorithms.map((row) => row.name);
  const names = settle(spec, defaultAlgorithms('client').hostKey, known, log);
  return { names, mayReorder: /^[+-]/.test(spec.text) };
}

/** Signature algorithms for login. */
export function chooseSignatureAlgorithms(
  { pubkeyAcceptedAlgorithms: spec }: Draft,
  log: Log,
): readonly string[] | undefined {
  if (spec === undefined) return undefined;
  const known = publicKeyAlgorithms.map((row) => row.name);
  const defaults = publicKeyAlgorithms.filter((row) => !row.legacy).map((row) => row.name);
  return settle(spec, defaults, known, log);
}

/** Names that OpenSSH knows and nacre does not: a list that also works there must work here, without them. */
const lacking =
  'umac-64@openssh.com,umac-128@openssh.com,umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-md5*,hmac-sha1-96*,' +
  'rijndael-cbc@lysator.liu.se,ssh-dss*,webauthn-*,ssh-mldsa*,none';

const complaints: Readonly<Record<string, string>> = {
  ciphers: 'Bad SSH2 cipher spec',
  macs: 'Bad SSH2 MAC spec',
  kexalgorithms: 'Bad SSH2 KexAlgorithms',
};

function settle(
  spec: AlgorithmSpec,
  defaults: readonly string[],
  known: readonly string[],
  log: Log,
): readonly string[] {
  const { text, keyword, place } = spec;
  const operator = /^[+^-]/.exec(text)?.[0];
  const patterns = (operator === undefined ? text : text.slice(1)).split(',').filter((pattern) => pattern !== '');
  const at = `${place.file} line ${place.line}`;
  const expand = (pattern: string) => known.filter((name) => matchPattern(name, pattern));
  for (const pattern of operator === '-' ? [] : patterns) {
    if (/[*?]/.test(pattern) || expand(pattern).length > 0) continue;
    if (!lacking.split(',').some((entry) => matchPattern(pattern, entry))) {
      throw new FatalError(`${at}: ${complaints[keyword] ?? 'Bad key types'} '${text}'.`, { always: true });
    }
    log.debug(1, `${at}: ${pattern} is not supported and left out`);
  }
  const chosen = patterns.flatMap(expand);
  const names = combine(operator, chosen, defaults);
  if (names.length === 0)
    throw new FatalError(`${at}: ${keyword}: no algorithm is left of '${text}'.`, { always: true });
  return names;
}

function combine(operator: string | undefined, chosen: readonly string[], defaults: readonly string[]): string[] {
  switch (operator) {
    case '+':
      return [...new Set([...defaults, ...chosen])];
    case '-':
      return defaults.filter((name) => !chosen.includes(name));
    case '^':
      return [...new Set([...chosen, ...defaults])];
    default:
      return [...new Set(chosen)];
  }
}
