/** The line that ssh-keygen -lF prints of a key: host, type, fingerprint, comment. */
import { bubbleBabble, type FingerprintHash, fingerprint, randomArt, shortTypeName } from '@nacre/ssh/keys';
import type { KnownHostsLine } from '@nacre/ssh/known-hosts';
import { sanitize } from '../../../terminal/sanitize.ts';
import { Ending } from '../ending.ts';
import type { KeygenFlags } from '../flags.ts';
import { readPublicLine } from '../key-input.ts';

/** Undefined where the key cannot be read. */
export function showKey(
  host: string,
  line: KnownHostsLine,
  encoding: BufferEncoding,
  flags: KeygenFlags,
): string | undefined {
  const found = readPublicLine(line.key);
  if (found === undefined) return undefined;
  const hash = requireHash(flags.hash);
  const print = flags.bubbleBabble ? bubbleBabble(found.key) : fingerprint(found.key, hash);
  const comment = found.rest === '' ? '' : ` ${sanitize(Buffer.from(found.rest, encoding))}`;
  const art = flags.verbose > 0 ? `\n${randomArt(found.key, hash)}` : '';
  return `${sanitize(host)} ${shortTypeName(found.key)} ${print}${comment}${art}`;
}

const hashes: readonly string[] = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'];

function requireHash(text = 'sha256'): FingerprintHash {
  const name = text.toLowerCase();
  if (!hashes.includes(name)) throw new Ending(`Invalid hash algorithm "${text}"`);
  return name as FingerprintHash;
}
