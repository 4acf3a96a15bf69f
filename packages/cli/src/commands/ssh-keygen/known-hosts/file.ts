/** known_hosts on disk: read whole, and replaced by a new file with the old one kept beside it. */
import { isAscii, isUtf8 } from 'node:buffer';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { describeSystemError, Ending } from '../ending.ts';

export interface KnownHostsText {
  readonly path: string;
  readonly text: string;
  /** What gives every byte back: a file need not be UTF-8. */
  readonly encoding: 'utf8' | 'latin1';
  readonly stats: Stats;
}

export function readKnownHosts(path: string): KnownHostsText {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    throw new Ending(`Cannot stat ${path}: ${describeSystemError(error)}`);
  }
  try {
    const bytes = readFileSync(path);
    const encoding = isUtf8(bytes) ? 'utf8' : 'latin1';
    // The same text, copied rather than decoded.
    const text = bytes.toString(isAscii(bytes) ? 'latin1' : encoding);
    return { path, text, encoding, stats };
  } catch (error) {
    throw new Ending(`hostkeys_foreach: ${describeSystemError(error)}`);
  }
}

/**
 * Puts a new file in the place of the old one, which stays under its name with `.old` behind. As OpenSSH does, it keeps of the mode
 * what others may do at most, and replaces a symbolic link rather than the file behind it.
 */
export function replaceKnownHosts({ path, encoding, stats }: KnownHostsText, text: string): void {
  // Only its being new matters, and opening it makes sure of that.
  const draft = `${path}.${process.pid}${Math.random().toString(36).slice(2, 12)}`;
  const old = `${path}.old`;
  writeDraft(draft, Buffer.from(text, encoding), stats);
  try {
    unlinkIfThere(old);
    step(`link ${path} to ${old}`, () => linkSync(path, old));
    step(`rename"${draft}" to "${path}"`, () => renameSync(draft, path), 1);
  } catch (error) {
    unlinkSync(draft);
    throw error;
  }
}

/** Nobody else can read it before it has its final mode, nor have put it there. */
function writeDraft(draft: string, bytes: Buffer, { mode, uid, gid }: Stats): void {
  const file = step(`open ${draft}`, () => openSync(draft, 'wx', 0o600));
  try {
    fchmodSync(file, mode & 0o644);
    // root editing the file of someone: it stays theirs.
    if (uid !== process.geteuid?.()) fchownSync(file, uid, gid);
    writeFileSync(file, bytes);
    fsyncSync(file);
  } catch (error) {
    unlinkSync(draft);
    throw new Ending(`write ${draft}: ${describeSystemError(error)}`);
  } finally {
    closeSync(file);
  }
}

function unlinkIfThere(path: string): void {
  step(`unlink ${path}`, () => {
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  });
}

function step<Result>(what: string, act: () => Result, status = 255): Result {
  try {
    return act();
  } catch (error) {
    throw new Ending(`${what}: ${describeSystemError(error)}`, status);
  }
}
