/** ssh-keygen -l and -B: fingerprints of keys, certificates, authorized_keys and known_hosts. */
import { statSync } from 'node:fs';
import {
  bubbleBabble,
  type FingerprintHash,
  fingerprint,
  type PublicKey,
  parsePrivateKey,
  randomArt,
  shortTypeName,
} from '@nacre/ssh/keys';
import { print } from '../../terminal/print.ts';
import { chooseFile } from './ask.ts';
import { describeSystemError, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { type FoundPublicKey, findPublicKey, readKeyList, readPublicLine } from './key-input.ts';
import { printable } from './text.ts';

export async function run(flags: KeygenFlags): Promise<number> {
  const hash = requireHash(flags.hash);
  const path = chooseFile(flags, 'Enter file in which the key is');
  const { text, name } = readKeyList(path);
  const [first = '', ...others] = text.split('\n');
  if (path !== '-' && isPrivate(first)) {
    const { key, comment } = await findKeyOfPrivateFile(path, text);
    show(key, comment, hash, flags);
    return 0;
  }
  let count = 0;
  for (const [index, line] of [first, ...others].entries()) {
    const trimmed = line.replace(/\r$/, '').replace(/^[ \t]+/, '');
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const entry = readEntry(trimmed);
    if (entry !== undefined) {
      show(entry.key, entry.comment, hash, flags);
      count++;
    } else if (flags.verbose > 0 && endOfOptions(trimmed) < trimmed.length)
      process.stderr.write(`debug1: ${name}:${index + 1}: not a public key\n`);
  }
  if (count === 0) throw new Ending(`${name} is not a public key file.`);
  return 0;
}

/** By the first line, as in OpenSSH; PuTTY's files and JWK have their own. */
function isPrivate(line: string): boolean {
  return line.includes('PRIVATE KEY') || line.startsWith('PuTTY-User-Key-File-') || line.trimStart().startsWith('{');
}

const hashes: readonly string[] = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'];

/** `-E`: the hash of fingerprints. */
export function requireHash(text = 'sha256'): FingerprintHash {
  const name = text.toLowerCase();
  if (!hashes.includes(name)) throw new Ending(`Invalid hash algorithm "${text}"`);
  return name as FingerprintHash;
}

function show(key: PublicKey, comment: string | undefined, hash: FingerprintHash, flags: KeygenFlags): void {
  const shown = flags.bubbleBabble ? bubbleBabble(key) : fingerprint(key, hash);
  const name = comment === undefined ? 'no comment' : printable(comment);
  print(`${key.bits} ${shown} ${name} (${shortTypeName(key)})\n`);
  if (flags.verbose > 0) print(`${randomArt(key, hash)}\n`);
}

/** The public half tells all but the comment, which only a private key that needs no passphrase gives. */
async function findKeyOfPrivateFile(path: string, text: string): Promise<FoundPublicKey> {
  const found = findPublicKey(path);
  if (found?.comment !== undefined) return found;
  try {
    statSync(path);
  } catch (error) {
    throw new Ending(`${path}: ${describeSystemError(error)}`);
  }
  try {
    const { publicKey, comment } = await parsePrivateKey(Buffer.from(text, 'latin1'), { name: path });
    return { key: publicKey, comment: Buffer.from(comment, 'utf8').toString('latin1') };
  } catch {
    if (found !== undefined) return found;
    throw new Ending(`${path} is not a key file.`);
  }
}

/**
 * A key, or a key after host names or options. The word before it serves as comment where there is none behind it; a line that
 * begins with a number was a key of SSH 1.
 */
function readEntry(line: string): FoundPublicKey | undefined {
  let found = readPublicLine(line);
  let comment: string | undefined;
  if (found === undefined && !/^[+-]?0*[1-9]\d*[ \t]/.test(line)) {
    const end = endOfOptions(line);
    comment = line.slice(0, end);
    found = readPublicLine(line.slice(end + 1));
  }
  if (found === undefined) return undefined;
  return { key: found.key, comment: found.rest === '' || found.rest.startsWith('#') ? comment : found.rest };
}

/** Where the first word ends; quotes hold blanks together, and a backslash before a quote takes its meaning away. */
function endOfOptions(line: string): number {
  let isQuoted = false;
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (character === '\\' && line[at + 1] === '"') at++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === ' ' || character === '\t')) return at;
  }
  return line.length;
}
