/** The files that are moved, and whether they arrived as they were. */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../test/harness/cleanup.ts';

export interface Payload {
  /** A file, or a folder with files. */
  readonly path: string;
  readonly bytes: number;
  readonly files: number;
  /** Tells a copy from anything else. */
  readonly digest: string;
}

/** A file of random bytes in memory, so that no disk is measured. */
export function makeFile(bytes: number): Payload {
  const path = join(makeMemoryFolder('file'), 'payload');
  const block = randomBytes(4 * 2 ** 20);
  const out = openSync(path, 'w');
  for (let written = 0; written < bytes; written += block.length) {
    // Blocks differ, or one that came twice in place of another would go unseen.
    block.writeUInt32BE(written / block.length, 0);
    writeSync(out, block.subarray(0, Math.min(block.length, bytes - written)));
  }
  closeSync(out);
  return { path, bytes, files: 1, digest: digestOf(path) };
}

export function makeFiles(files: number, bytesEach: number): Payload {
  const path = join(makeMemoryFolder('files'), 'payload');
  mkdirSync(path);
  for (let at = 0; at < files; at++) writeFileSync(join(path, `file-${at}`), randomBytes(bytesEach));
  return { path, bytes: files * bytesEach, files, digest: digestOf(path) };
}

/** A new place for a copy; what was there before is gone. */
export function placeFor(name: string): string {
  places ??= makeMemoryFolder('copies');
  const path = join(places, name);
  rmSync(path, { recursive: true, force: true });
  return path;
}

let places: string | undefined;

/** @throws Error where the copy is not what it should be. */
export function requireCopy(copy: string, { digest }: Payload, what: string): void {
  if (!existsSync(copy) || digestOf(copy) !== digest) throw new Error(`${what} changed the bytes, or lost some`);
}

function digestOf(path: string): string {
  const hash = createHash('sha256');
  let names: string[] | undefined;
  try {
    names = readdirSync(path).sort();
  } catch {
    // A file.
  }
  if (names !== undefined) {
    for (const name of names) hash.update(`${name}\n`).update(readFileSync(join(path, name)));
    return hash.digest('hex');
  }
  const fd = openSync(path, 'r');
  const block = Buffer.allocUnsafe(2 ** 20);
  for (let count = readSync(fd, block); count > 0; count = readSync(fd, block)) hash.update(block.subarray(0, count));
  closeSync(fd);
  return hash.digest('hex');
}

export function makeMemoryFolder(purpose: string): string {
  return makeFolder(purpose, existsSync('/dev/shm') ? '/dev/shm' : undefined);
}
