/** How much may pass through tunnels: how many at a time and how many bytes, of a user, of a key or of a connection. */
import { SshError } from '../errors.ts';
import { parseDuration } from '../keys/index.ts';

/** Whose tunnels are counted together. */
export type QuotaHolder = 'user' | 'connection' | 'key';

export interface TunnelQuota {
  readonly per: QuotaHolder;
  /** Tunnels that are open at a time. */
  readonly connections?: number;
  /** Bytes of one tunnel, both ways together. */
  readonly bytes?: number;
  /** Bytes of all tunnels, both ways together. */
  readonly totalBytes?: number;
  /** After so many seconds `totalBytes` begins anew; without it, never. */
  readonly everySeconds?: number;
}

/**
 * Reads `connections=N bytes=SIZE total-bytes=SIZE every=TIME per=user|connection|key`, in any order; `per` is the user by default.
 *
 * @throws SshError `bad-file` for what is none.
 * @example
 * parseTunnelQuota(['connections=20', 'total-bytes=10G', 'every=1d']);
 */
export function parseTunnelQuota(words: readonly string[]): TunnelQuota {
  const given = new Map<string, string>();
  for (const word of words) {
    const [, name = '', value = ''] = /^([a-z-]+)=(.+)$/s.exec(word) ?? [];
    if (!names.has(name)) throw badQuota(`"${word.slice(0, 100)}" is none of ${[...names].join('=, ')}=`);
    if (given.has(name)) throw badQuota(`it says ${name}= twice`);
    given.set(name, value);
  }
  const per = given.get('per') ?? 'user';
  if (per !== 'user' && per !== 'connection' && per !== 'key') {
    throw badQuota(`per=${per.slice(0, 100)} is none of user, connection and key`);
  }
  const [connections, bytes, totalBytes] = ['connections', 'bytes', 'total-bytes'].map((name) =>
    given.has(name) ? parseAmount(name, given.get(name) as string) : undefined,
  );
  if (connections === undefined && bytes === undefined && totalBytes === undefined) {
    throw badQuota('it limits nothing');
  }
  const every = given.get('every');
  const everySeconds = every === undefined ? undefined : parseDuration(every);
  if (every !== undefined && (everySeconds === undefined || everySeconds === 0)) {
    throw badQuota(`every=${every.slice(0, 100)} is no time`);
  }
  if (every !== undefined && totalBytes === undefined) throw badQuota('every= belongs to total-bytes=');
  return {
    per,
    ...(connections !== undefined && { connections }),
    ...(bytes !== undefined && { bytes }),
    ...(totalBytes !== undefined && { totalBytes }),
    ...(everySeconds !== undefined && { everySeconds }),
  };
}

/** As it is read. */
export function formatTunnelQuota({ per, connections, bytes, totalBytes, everySeconds }: TunnelQuota): string {
  return Object.entries({ connections, bytes, 'total-bytes': totalBytes, every: everySeconds, per })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

const names: ReadonlySet<string> = new Set(['connections', 'bytes', 'total-bytes', 'every', 'per']);

/** Bytes with K, M, G or T; of tunnels a plain number. */
function parseAmount(name: string, text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,16})([kmgt]?)$/i.exec(text) ?? [];
  const amount = Number(digits) * 1024 ** ' kmgt'.indexOf(unit.toLowerCase() || ' ');
  if (digits === '' || !Number.isSafeInteger(amount) || (name === 'connections' && unit !== '')) {
    throw badQuota(`${name}=${text.slice(0, 100)} is no ${name === 'connections' ? 'number' : 'size'}`);
  }
  return amount;
}

function badQuota(reason: string): SshError {
  return new SshError(`tunnel quota: ${reason}`, {
    code: 'bad-file',
    stage: 'trust',
    remedy: 'Write, for example, "connections=20 bytes=1G total-bytes=10G every=1d per=user".',
  });
}
