/** Writes key files: never readable by others for a moment, never half written, never through a trap laid in the folder. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { formatPrivateKey, formatPublicKey, type PrivateKey, type PrivateKeyFormatName } from '@nacre/ssh/keys';
import { describe, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { parseNumber } from './number.ts';

/** What is at a path now: `nothing`, a file that may be replaced, or a device or pipe that is written into. */
type Place = { kind: 'nothing' } | { kind: 'file' | 'device'; path: string; stats: Stats };

/** Saves a private key under `-a`, `-m` and `-Z`. */
export async function savePrivateKey(
  key: PrivateKey,
  path: string,
  passphrase: string,
  flags: KeygenFlags,
): Promise<void> {
  try {
    const format = chooseFormat(key, flags.format);
    if (format !== 'openssh' && passphrase.length > 0 && passphrase.length < 5) {
      throw new Ending('passphrase is too short (minimum five characters)');
    }
    const rounds = flags.rounds === undefined ? undefined : requireRounds(flags.rounds);
    const text = await formatPrivateKey(key, format, {
      passphrase,
      ...(rounds !== undefined && { rounds }),
      ...(flags.cipher !== undefined && { cipher: flags.cipher }),
    });
    writeKeyFile(path, text, 0o600);
  } catch (error) {
    throw new Ending(`Saving key "${path}" failed: ${error instanceof Ending ? error.message : describe(error)}`, 1);
  }
}

/** Saves the public line beside it. */
export function savePublicKey(key: PrivateKey, path: string): void {
  try {
    writeKeyFile(path, `${formatPublicKey(key.publicKey)} ${key.comment}\n`, 0o644);
  } catch (error) {
    throw new Ending(`Unable to save public key to ${path}: ${describe(error)}`);
  }
}

/** The number of KDF rounds that `-a` asks for. */
export function requireRounds(text: string): number {
  return parseNumber(text, 1, 0x7fffffff, (reason) => `Invalid number: ${text} (${reason})`);
}

/** `-m`: the private forms of RFC4716 and of Ed25519 keys are OpenSSH's own. */
function chooseFormat(key: PrivateKey, format = 'RFC4716'): PrivateKeyFormatName {
  const name = format.toUpperCase();
  if (name === 'RFC4716' || key.type === 'ssh-ed25519' || key.type.startsWith('sk-')) return 'openssh';
  if (name === 'PKCS8') return 'pkcs8';
  return key.type === 'ssh-rsa' ? 'pkcs1' : 'sec1';
}

/**
 * Writes a file by way of a new one beside it. The new file is made with its final mode and with O_EXCL, so that it is neither
 * readable for a moment (paramiko CVE-2022-24302) nor one that somebody else put there; the old file is whole until the new
 * one is.
 *
 * @param mode - what the umask leaves of it.
 */
export function writeKeyFile(path: string, text: string | Uint8Array, mode: number): void {
  const place = lookAt(path);
  if (place.kind === 'device') {
    writeFileSync(place.path, text);
    return;
  }
  const target = place.kind === 'file' ? place.path : path;
  const draft = `${target}.${randomBytes(8).toString('hex')}`;
  const file = openSync(draft, 'wx', mode);
  try {
    try {
      // root changing the passphrase of someone's key: it stays theirs.
      if (place.kind === 'file' && place.stats.uid !== process.geteuid?.()) {
        fchownSync(file, place.stats.uid, place.stats.gid);
      }
      writeFileSync(file, text);
      // What is secret, or takes the place of another, must outlast a power cut; a new public file can be made again.
      if (mode === 0o600 || place.kind === 'file') fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (place.kind === 'file') renameSync(draft, target);
    else putNew(draft, target);
  } catch (error) {
    unlinkSync(draft);
    throw error;
  }
}

/** Where there was nothing, nothing that has appeared meanwhile is replaced: link(2) refuses what rename(2) would overwrite. */
function putNew(draft: string, target: string): void {
  try {
    linkSync(draft, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw error;
    // File systems without hard links.
    renameSync(draft, target);
    return;
  }
  unlinkSync(draft);
}

/** Links are followed, as by ssh-keygen: the file behind them is replaced, and not they. */
function lookAt(path: string): Place {
  try {
    const real = realpathSync(path);
    const stats = statSync(real);
    if (stats.isDirectory()) throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' });
    return { kind: stats.isFile() ? 'file' : 'device', path: real, stats };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'nothing' };
    throw error;
  }
}
