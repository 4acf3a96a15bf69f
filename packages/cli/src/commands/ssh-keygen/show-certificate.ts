/** ssh-keygen -L: what certificates say. */
import { SshError } from '@nacre/ssh/errors';
import {
  type FingerprintHash,
  findPublicKeyAlgorithm,
  formatCertificate,
  type PublicKey,
  parsePublicKey,
} from '@nacre/ssh/keys';
import { print } from '../../terminal/print.ts';
import { sanitize } from '../../terminal/sanitize.ts';
import { chooseFile } from './ask.ts';
import { describe, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { readKeyList } from './key-input.ts';
import { requireHash } from './show-fingerprint.ts';

export function run(flags: KeygenFlags): number {
  const hash = requireHash(flags.hash);
  const path = chooseFile(flags, 'Enter file in which the key is');
  const { text, name } = readLines(path);
  const lines = text.split('\n');
  // What follows the last line feed is a line only if there is something.
  const last = lines.pop() ?? '';
  if (/[^ \t]/.test(last)) lines.push(last);
  let found = false;
  for (const [index, line] of lines.entries()) {
    const trimmed = line.replace(/^[ \t]+/, '');
    if (trimmed.startsWith('#')) continue;
    const place = `${name}:${index + 1}`;
    const key = readCertificate(trimmed.replace(/\r$/, ''), place);
    if (key === undefined) continue;
    found = true;
    const head = path !== '-' && index === 0 ? name : place;
    print(`${head}:\n${format(key, hash)}`);
  }
  return found ? 0 : 1;
}

/** OpenSSH opens a folder, finds no line in it, and so no certificate. */
function readLines(path: string): ReturnType<typeof readKeyList> {
  try {
    return readKeyList(path);
  } catch (error) {
    if (error instanceof Ending && error.message.endsWith(': Is a directory')) throw new Ending(error.message, 1);
    throw error;
  }
}

function readCertificate(line: string, place: string): PublicKey | undefined {
  try {
    const { key } = parsePublicKey(line);
    if (key.certificate === undefined) {
      process.stderr.write(`${place} is not a certificate\n`);
      return undefined;
    }
    requireSignature(key);
    return key;
  } catch (error) {
    process.stderr.write(`${place}: invalid key: ${explain(error, line)}\n`);
    return undefined;
  }
}

/** OpenSSH checks the CA's signature wherever it reads a certificate, so that what it shows is what somebody signed. */
function requireSignature(key: PublicKey): void {
  const { certificate } = key;
  if (certificate === undefined) return;
  const { signatureKey, signedBytes, signature } = certificate;
  // Whether a token was touched is for those to ask who let somebody in by the certificate.
  const isRight = (algorithm: string): boolean =>
    signatureKey.verify(signedBytes, signature, algorithm, { requireUserPresence: false });
  if (!signatureKey.signatureAlgorithms.some(isRight)) throw new Ending('incorrect signature');
}

/** The reason in OpenSSH's words, and in ours behind them. */
function explain(error: unknown, line: string): string {
  if (error instanceof Ending) return error.message;
  const [type = '', base64 = ''] = line.split(/[ \t]+/);
  const blob = Buffer.from(base64, 'base64');
  const inside = blob.toString('latin1', 4, 4 + (blob.length < 4 ? 0 : blob.readUInt32BE(0)));
  if (error instanceof SshError && isKnownType(type) && inside !== '' && inside !== type) {
    const words = isKnownType(inside) ? 'key type does not match' : 'unknown or unsupported key type';
    return `${words} (${error.message})`;
  }
  return isKnownType(type) ? describe(error) : `invalid format (${(error as Error).message})`;
}

function isKnownType(type: string): boolean {
  return findPublicKeyAlgorithm(type) !== undefined;
}

function format(key: PublicKey, hash: FingerprintHash): string {
  try {
    return formatCertificate(key, { hash, printable: (text) => sanitize(text) });
  } catch (error) {
    if (error instanceof SshError) throw new Ending(error.message);
    throw error;
  }
}
