/** Algorithm lists of the configuration, settled against what there is: `+`, `-`, `^`, wildcards, and names that are lacking. */
import { ciphers, macs } from '../crypto/index.ts';
import { publicKeyAlgorithms } from '../keys/index.ts';
import { defaultAlgorithms, hostKeyAlgorithms, kexNames } from '../transport/index.ts';
import { matchPattern } from '../trust/index.ts';
import { configError } from './place.ts';
import type { AlgorithmSpec } from './values.ts';

/** What a list may name, what it is without being configured, and how OpenSSH complains. */
export interface AlgorithmKind {
  readonly known: readonly string[];
  readonly defaults: readonly string[];
  /** What OpenSSH can and is not built here, as patterns: a list that also works there must work here, without them. */
  readonly elsewhere: readonly string[];
  readonly complaint: string;
}

export type AlgorithmKindName = 'kex' | 'cipher' | 'mac' | 'hostKey' | 'signature' | 'caSignature';

/** The kinds of lists, for a client or a server. */
export function algorithmKinds(role: 'client' | 'server'): Readonly<Record<AlgorithmKindName, AlgorithmKind>> {
  const defaults = defaultAlgorithms(role);
  const signatures = publicKeyAlgorithms.map((row) => row.name);
  const today = publicKeyAlgorithms.filter((row) => !row.legacy);
  const foreignKeys = ['ssh-dss*', 'webauthn-*', 'ssh-mldsa*', 'ssh-xmss*'];
  return {
    kex: {
      known: kexNames,
      defaults: defaults.kex,
      elsewhere: ['diffie-hellman-group-exchange-sha1', 'mlkem768nistp256-sha256'],
      complaint: 'Bad SSH2 KexAlgorithms',
    },
    cipher: {
      known: ciphers.map((row) => row.name),
      defaults: defaults.cipher,
      elsewhere: ['rijndael-cbc@lysator.liu.se', 'none'],
      complaint: 'Bad SSH2 cipher spec',
    },
    mac: {
      known: macs.map((row) => row.name),
      defaults: defaults.mac,
      elsewhere: ['umac-64*', 'umac-128*', 'hmac-md5*', 'hmac-sha1-96*', 'none'],
      complaint: role === 'client' ? 'Bad SSH2 MAC spec' : 'Bad SSH2 mac spec',
    },
    hostKey: {
      known: hostKeyAlgorithms.map((row) => row.name),
      defaults: defaults.hostKey,
      elsewhere: foreignKeys,
      complaint: 'Bad key types',
    },
    signature: {
      known: signatures,
      defaults: today.map((row) => row.name),
      elsewhere: foreignKeys,
      complaint: 'Bad key types',
    },
    caSignature: {
      known: publicKeyAlgorithms.filter((row) => !row.certificate).map((row) => row.name),
      defaults: today.filter((row) => !row.certificate).map((row) => row.name),
      elsewhere: foreignKeys,
      complaint: 'Bad key types',
    },
  };
}

export interface AlgorithmNames {
  readonly names: readonly string[];
  /** Names of OpenSSH's that are not built here, left out. */
  readonly lacking: readonly string[];
}

/**
 * Settles a list; undefined stands for the defaults.
 *
 * @throws SshError `bad-file` for a name that nobody knows, and where nothing is left.
 */
export function resolveAlgorithmList(spec: AlgorithmSpec | undefined, kind: AlgorithmKind): AlgorithmNames {
  if (spec === undefined) return { names: kind.defaults, lacking: [] };
  const { text, place } = spec;
  const operator = /^[+^-]/.exec(text)?.[0];
  const patterns = (operator === undefined ? text : text.slice(1)).split(',').filter((pattern) => pattern !== '');
  const expand = (pattern: string): readonly string[] => kind.known.filter((name) => matchPattern(name, pattern));
  const lacking: string[] = [];
  for (const pattern of operator === '-' ? [] : patterns) {
    if (/[*?]/.test(pattern) || expand(pattern).length > 0) continue;
    if (!kind.elsewhere.some((entry) => matchPattern(pattern, entry))) {
      throw configError(place, `${kind.complaint} '${text}'.`, `Known are ${kind.known.join(', ')}.`);
    }
    lacking.push(pattern);
  }
  const names = combine(operator, patterns.flatMap(expand), kind.defaults);
  if (names.length === 0) throw configError(place, `no algorithm is left of '${text}'.`);
  return { names, lacking };
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
