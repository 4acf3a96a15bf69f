/** RevokedKeys: files of keys that may not log in, whatever else lets them in. */
import { type BigIntStats, statSync } from 'node:fs';
import type { PublicKey } from '@nacre/ssh/keys';
import { parseRevocationList, type RevokedKeys } from '@nacre/ssh/trust/revocation-list';
import { readRegularFile } from './config/read-file.ts';
import { type NameSettings, nameKey } from './key-names.ts';

/** As far as the library reads them. */
const maxListBytes = 128 * 1024 * 1024;

/** Why a key may not log in: it is revoked, or a file cannot be read, so that nobody knows which keys are. */
export function revocationRefusal(
  files: readonly string[],
  key: PublicKey,
  settings: NameSettings = { fingerprintHash: 'SHA256' },
): string | undefined {
  for (const file of files) {
    const name = nameKey(key, settings);
    try {
      if (loadRevokedKeys(file).revokes(key) !== undefined) return `Authentication key ${name} revoked by file ${file}`;
    } catch (error) {
      return `Error checking authentication key ${name} in revoked keys file ${file}: ${(error as Error).message}`;
    }
  }
  return undefined;
}

interface LoadedList {
  readonly stats: BigIntStats;
  readonly readAtMs: number;
  readonly list: RevokedKeys;
}

/** Lists as they were read last: anybody can make the server look into them, and a long one takes a while to read. */
const loaded = new Map<string, LoadedList>();

/**
 * The list in a file, from memory where the file is still the one that was read.
 *
 * @throws whatever keeps it from being read.
 */
export function loadRevokedKeys(file: string): RevokedKeys {
  const stats = statSync(file, { bigint: true });
  const before = loaded.get(file);
  if (before !== undefined && isSettled(before) && isSame(before.stats, stats)) return before.list;
  loaded.delete(file);
  const list = parseRevocationList(readRegularFile(file, maxListBytes), { name: file });
  loaded.set(file, { stats, readAtMs: Date.now(), list });
  return list;
}

/** Some file systems count time in steps of two seconds: within one, a file may change again and look the same. */
const timeStepMs = 2000;

function isSettled({ stats, readAtMs }: LoadedList): boolean {
  return readAtMs - Number(stats.ctimeMs) > timeStepMs;
}

/** A file that was changed or replaced has another time of change, which nobody can set back. */
function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}
