/** What the flags say about the agent itself, checked as OpenSSH checks it. */
import { parseDuration } from '../../flags/duration.ts';
import type { ParsedFlags } from '../../flags/flags.ts';
import { usageError } from '../../flags/usage.ts';
import { Ending } from '../ssh-keygen/ending.ts';
import { table } from './flags.ts';

export type AgentFlags = ParsedFlags<typeof table.rows>;

export interface AgentSettings {
  readonly fingerprintHash: 'md5' | 'sha256';
  /** Lifetime of keys that come without one; undefined for ever. */
  readonly lifetimeSeconds: number | undefined;
}

/** @throws Ending or a usage error, in OpenSSH's words. */
export function readSettings(flags: AgentFlags): AgentSettings {
  if (flags.allowedProviders.length > 1) throw new Ending('-P option already specified');
  for (const option of flags.options) {
    // What they allow, libraries for remote clients and web sites' keys of tokens, this agent does for nobody.
    const isKnown = acceptedOptions.includes(option) || option.startsWith('websafe-allow=');
    if (!isKnown) throw new Ending('Unknown -O option');
  }
  return { fingerprintHash: readHash(flags.fingerprintHash), lifetimeSeconds: readLifetime(flags.lifetime) };
}

const acceptedOptions = ['allow-remote-pkcs11', 'no-restrict-websafe'];

function readHash(name = 'sha256'): 'md5' | 'sha256' {
  const hash = name.toLowerCase();
  if (hash === 'md5' || hash === 'sha256') return hash;
  throw new Ending(`Invalid hash algorithm "${name}"`);
}

function readLifetime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds === undefined) throw usageError(table, 'Invalid lifetime');
  return seconds === 0 ? undefined : seconds;
}
