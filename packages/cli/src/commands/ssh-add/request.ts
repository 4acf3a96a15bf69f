/** What is asked of ssh-add, checked: the flags, and the things that every action works with. */
import type { AgentClient } from '@nacre/ssh/agent';
import type { FingerprintHash } from '@nacre/ssh/keys';
import { parseDuration } from '../../flags/duration.ts';
import { usageError } from '../../flags/usage.ts';
import { Log, shiftLogLevel } from '../ssh/log.ts';
import { Ending } from '../ssh-keygen/ending.ts';
import { type AddArguments, type AddFlags, table } from './flags.ts';

export interface Request {
  readonly flags: AddFlags;
  readonly operands: readonly string[];
  readonly agent: AgentClient;
  readonly log: Log;
  readonly hash: FingerprintHash;
  /** Seconds; 0 for ever. */
  readonly lifetimeSeconds: number;
  /** Whether keys are removed: -d and -e. */
  readonly removes: boolean;
  /** The library of -s or -e, whichever came last. */
  readonly tokenProvider: string | undefined;
  /** The FIDO middleware: -S, SSH_SK_PROVIDER, or what the agent has built in. */
  readonly securityKeyProvider: string;
}

export function readRequest({ flags, operands, ordered }: AddArguments, agent: AgentClient): Request {
  const log = new Log(shiftLogLevel('INFO', flags.verbose === 0 ? 0 : flags.verbose + 1));
  let tokenProvider: string | undefined;
  for (const { name, value = '' } of ordered) {
    if (name === 'addToken' || name === 'removeToken') tokenProvider = value;
    if ((name === 'mostSignatures' || name === 'leastSignatures') && !isCount(value)) throw usageError(table);
  }
  requireOneOf(flags.listFingerprints, flags.listKeys, ordered, ['listFingerprints', 'listKeys']);
  requireOneOf(flags.lock, flags.unlock, ordered, ['lock', 'unlock']);
  const hash = requireHash(flags.hash);
  const lifetimeSeconds = requireLifetime(flags.lifetime);
  const actions = [
    flags.lock + flags.unlock > 0,
    flags.listFingerprints + flags.listKeys > 0,
    flags.removeAll,
    flags.extensions,
  ];
  if (actions.filter(Boolean).length > 1) throw new Ending('Invalid combination of actions');
  return {
    flags,
    operands,
    agent,
    log,
    hash,
    lifetimeSeconds,
    removes: flags.remove || flags.removeToken !== undefined,
    tokenProvider,
    securityKeyProvider: flags.securityKeyProvider ?? process.env.SSH_SK_PROVIDER ?? 'internal',
  };
}

/** `-l` and `-L` exclude each other, as do `-x` and `-X`; the second one is refused by the first one's name. */
function requireOneOf(one: number, other: number, ordered: AddArguments['ordered'], names: readonly string[]): void {
  if (one + other < 2) return;
  const first = ordered.find(({ name }) => names.includes(name));
  const row = table.rows.find(({ name }) => name === first?.name);
  throw new Ending(`-${row?.letter} flag already specified`);
}

const hashes: readonly string[] = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'];

function requireHash(text = 'sha256'): FingerprintHash {
  const name = text.toLowerCase();
  if (!hashes.includes(name)) throw new Ending(`Invalid hash algorithm "${text}"`);
  return name as FingerprintHash;
}

function requireLifetime(text: string | undefined): number {
  const seconds = text === undefined ? 0 : parseDuration(text);
  if (seconds === undefined) throw new Ending('Invalid lifetime', 1);
  return seconds;
}

function isCount(text: string): boolean {
  return /^\s*\+?\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 0xffff_ffff;
}
