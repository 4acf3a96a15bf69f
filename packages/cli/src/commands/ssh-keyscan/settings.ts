/** What the flags of ssh-keyscan ask for, judged in the order in which they stand, as OpenSSH's does. */

import type { SshfpHash } from '@nacre/ssh/keys';
import { type HostKeyKind, hostKeyKinds } from '@nacre/ssh/scan';
import { usageError } from '../../flags/usage.ts';
import { Ending } from '../ssh-keygen/ending.ts';
import { type KeyscanFlags, table } from './flags.ts';

export interface Settings {
  port: number;
  timeoutMs: number;
  /** Undefined for all. */
  kinds: readonly HostKeyKind[] | undefined;
  family: 4 | 6 | undefined;
  sshfpHashes: readonly SshfpHash[];
}

type Flag = { readonly name: keyof KeyscanFlags; readonly value: string | undefined };

export function readSettings(ordered: readonly Flag[]): Settings {
  const settings: Settings = {
    port: 22,
    timeoutMs: 5000,
    kinds: undefined,
    family: undefined,
    sshfpHashes: ['sha1', 'sha256'],
  };
  let verbosity = 0;
  for (const { name, value = '' } of ordered) {
    if (name === 'port') settings.port = parsePort(value);
    else if (name === 'timeout') settings.timeoutMs = parseTimeout(value);
    else if (name === 'types') settings.kinds = parseKinds(value);
    else if (name === 'options') settings.sshfpHashes = [parseHash(value)];
    else if (name === 'ipv4') settings.family = 4;
    else if (name === 'ipv6') settings.family = 6;
    else if (name === 'verbose' && ++verbosity > 3) throw new Ending('Too high debugging level.');
  }
  return settings;
}

function parsePort(text: string): number {
  if (text === 'ssh') return 22;
  const port = /^\s*\+?[0-9]+$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw new Ending(`Bad port '${text}'`, 1);
  return port;
}

const secondsPer: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `90`, `1m30s`, `2H`. */
function parseTimeout(text: string): number {
  const parts = [...text.matchAll(/([0-9]+)([smhdw]?)/gi)];
  const seconds = parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * unitSeconds(unit), 0);
  if (parts.map(([part]) => part).join('') !== text || seconds < 1 || seconds > 0x7fffffff) {
    throw usageError(table, `Bad timeout '${text}'`);
  }
  // Longer ones than setTimeout takes would fire at once.
  return Math.min(seconds * 1000, 0x7fffffff);
}

function unitSeconds(unit: string): number {
  return secondsPer[unit.toLowerCase()] ?? 0;
}

function parseKinds(text: string): HostKeyKind[] {
  const names = text.split(',').filter((name) => name !== '');
  return names.map((name) => {
    const row = hostKeyKinds.find((kind) => kind.name === name.toLowerCase() || kind.keyTypes.includes(name));
    if (row === undefined) throw new Ending(`Unknown key type "${name}"`);
    return row.name;
  });
}

function parseHash(text: string): SshfpHash {
  if (!text.startsWith('hashalg=')) throw new Ending('Unsupported -O option');
  const name = text.slice('hashalg='.length).toLowerCase();
  if (name === 'sha1' || name === 'sha256') return name;
  throw new Ending('Unsupported hash algorithm');
}
