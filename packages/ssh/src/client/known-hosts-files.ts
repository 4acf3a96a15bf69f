/** known_hosts files on disk: read whole and within bounds, appended to, or replaced in one step. */
import { type BigIntStats, constants, type Stats } from 'node:fs';
import { copyFile, link, mkdir, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomBytes } from '../crypto/random.ts';
import { SshError } from '../errors.ts';
import { readFile, stat as statEarly } from '../io/index.ts';
import { maxTrustFileBytes } from '../limits.ts';
import { type KnownHosts, parseKnownHosts } from '../trust/index.ts';

/** The files that are there, in order. */
export async function loadKnownHosts(paths: readonly string[]): Promise<KnownHosts[]> {
  const files: KnownHosts[] = [];
  for (const path of paths) {
    const bytes = await readIfThere(path);
    if (bytes !== undefined) files.push(parseKnownHosts(bytes, { name: path }));
  }
  return files;
}

/** Appends to a file, which is made where there is none; other lines stay byte for byte, and two clients that add at once lose nothing. */
export async function appendHost(path: string, add: (text: string) => string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const before = ((await readIfThere(path)) ?? Buffer.alloc(0)).toString('utf8');
    const file = await open(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600);
    try {
      await file.write(add(before).slice(before.length));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, error, 'write');
  }
}

/** Somebody else may write at the same moment; who goes on writing for ever wins. */
const maxTries = 5;

/**
 * Replaces a file's text. The new file takes the old one's place in one step, and the old one stays beside it as `.old`; a link
 * goes on pointing to the same place.
 *
 * @param edit - gives the new text; it is asked again where somebody else changed the file meanwhile.
 * @returns whether anything was changed.
 */
export async function rewriteKnownHosts(path: string, edit: (text: string) => string): Promise<boolean> {
  try {
    const target = await realpath(path);
    for (let tries = 0; tries < maxTries; tries++) {
      const before = await stat(target, { bigint: true });
      const bytes = (await readIfThere(target)) ?? Buffer.alloc(0);
      const { text, encoding } = decode(bytes);
      const after = edit(text);
      if (after === text) return false;
      if (await replace(target, Buffer.from(after, encoding), before)) return true;
    }
    throw new Error('somebody else goes on changing it');
  } catch (error) {
    throw unreadable(path, error, 'write');
  }
}

/** Puts the new bytes in place; false where the file is not the one that was read any more. */
async function replace(target: string, bytes: Buffer, read: BigIntStats): Promise<boolean> {
  const draft = `${target}.${randomBytes(6).toString('hex')}`;
  // Nobody else's to read: names of hosts are nobody else's business (OpenSSH makes it so too).
  const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    try {
      await file.writeFile(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    const now = await stat(target, { bigint: true });
    if (now.ino !== read.ino || now.size !== read.size || now.mtimeNs !== read.mtimeNs) {
      await unlink(draft);
      return false;
    }
    const old = `${target}.old`;
    await unlink(old).catch(ignoreMissing);
    // Some file systems know no second name.
    await link(target, old).catch(() => copyFile(target, old, constants.COPYFILE_EXCL));
    await rename(draft, target);
    return true;
  } catch (error) {
    await unlink(draft).catch(ignoreMissing);
    throw error;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/** Bytes that are no UTF-8, as in an old comment, come back as they were. */
function decode(bytes: Buffer): { readonly text: string; readonly encoding: 'utf8' | 'latin1' } {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes)
    ? { text, encoding: 'utf8' }
    : { text: bytes.toString('latin1'), encoding: 'latin1' };
}

/** The file's bytes; undefined where there is none. Anything else that stands in the way is an error, not an empty file. */
async function readIfThere(path: string): Promise<Buffer | undefined> {
  let found: Stats;
  try {
    found = await statEarly(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(path, error);
  }
  // A pipe or a device named as known_hosts would be read for ever (libssh CVE-2026-0965); /dev/null is the usual "none".
  if (found.isCharacterDevice()) return undefined;
  if (!found.isFile()) throw unreadable(path, new Error('it is not a regular file'));
  if (found.size > maxTrustFileBytes) throw unreadable(path, new Error(`it is larger than ${maxTrustFileBytes} bytes`));
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

export async function isThere(path: string): Promise<boolean> {
  return (await readIfThere(path)) !== undefined;
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function unreadable(path: string, cause: unknown, verb = 'read'): SshError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SshError(`cannot ${verb} ${path}: ${reason}`, { code: 'bad-file', stage: 'trust', cause });
}
