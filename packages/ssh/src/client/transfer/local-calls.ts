/** The calls of node:fs that transfers make, with paths as bytes. Plain descriptors: they cost less than FileHandles. */
import * as fs from 'node:fs';
import { constants } from 'node:fs';
import { localError } from './local-error.ts';

const isWindows = process.platform === 'win32';

/** A path in the form that node:fs takes here: Windows has names in UTF-16 only. */
export function pathForNode(path: Buffer): Buffer | string {
  return isWindows ? path.toString('utf8') : path;
}

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

function call<T>(operation: string, path: Buffer, start: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error) reject(localError(operation, path, error));
      else resolve(value);
    });
  });
}

export const noFollow = constants.O_NOFOLLOW ?? 0;

export function open(path: Buffer, flags: number, mode = 0o666): Promise<number> {
  return call('open', path, (done: Callback<number>) => fs.open(pathForNode(path), flags, mode, done));
}

export function close(fd: number, path: Buffer): Promise<void> {
  return call('close', path, (done: Callback<void>) => fs.close(fd, done as (error?: Error | null) => void));
}

export function read(fd: number, path: Buffer, into: Buffer, position: number): Promise<number> {
  return call('read', path, (done: Callback<number>) => fs.read(fd, into, 0, into.length, position, done));
}

/** Writes all of the bytes. */
export async function write(fd: number, path: Buffer, parts: readonly Buffer[], position: number): Promise<void> {
  let rest = parts;
  let at = position;
  while (rest.length > 0) {
    const written = await call('write', path, (done: Callback<number>) => {
      const [only] = rest;
      if (rest.length === 1 && only !== undefined) fs.write(fd, only, 0, only.length, at, done);
      else fs.writev(fd, rest, at, done);
    });
    at += written;
    rest = dropFront(rest, written);
  }
}

function dropFront(parts: readonly Buffer[], bytes: number): readonly Buffer[] {
  let missing = bytes;
  for (const [index, part] of parts.entries()) {
    if (missing < part.length) return [part.subarray(missing), ...parts.slice(index + 1)];
    missing -= part.length;
  }
  return [];
}

export function truncate(fd: number, path: Buffer, size: number): Promise<void> {
  return call('truncate', path, (done: Callback<void>) =>
    // EINVAL: a device or a pipe, which has no length.
    fs.ftruncate(fd, size, (error) => done(error?.code === 'EINVAL' ? null : error)),
  );
}

export function flush(fd: number, path: Buffer): Promise<void> {
  return call('fsync', path, (done: Callback<void>) => fs.fsync(fd, done as (error: Error | null) => void));
}

export function setMode(fd: number, path: Buffer, mode: number): Promise<void> {
  return call('chmod', path, (done: Callback<void>) => fs.fchmod(fd, mode, done as (error: Error | null) => void));
}

export function setTimes(fd: number, path: Buffer, accessed: number, modified: number): Promise<void> {
  return call('utimes', path, (done: Callback<void>) =>
    fs.futimes(fd, accessed, modified, done as (error: Error | null) => void),
  );
}
