/** The calls of node:fs that transfers make, with paths as bytes. Plain descriptors: they cost less than FileHandles. */
import * as fs from 'node:fs';
import { constants } from 'node:fs';
import { Pace } from '../../io/index.ts';
import { localError } from './local-error.ts';

const isWindows = process.platform === 'win32';

/** A path in the form that node:fs takes here: Windows has names in UTF-16 only. */
export function pathForNode(path: Buffer): Buffer | string {
  return isWindows ? path.toString('utf8') : path;
}

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

export const noFollow = constants.O_NOFOLLOW ?? 0;

export class LocalCalls {
  readonly #pace: Pace | undefined;

  /** @param blocking - calls are made at once, without threads, as long as they are quick. */
  constructor(blocking: 'while-quick' | undefined) {
    this.#pace = blocking && new Pace();
  }

  open(path: Buffer, flags: number, mode = 0o666): Promise<number> {
    const name = pathForNode(path);
    return this.#call(
      ['open', path],
      () => fs.openSync(name, flags, mode),
      (done) => fs.open(name, flags, mode, done),
    );
  }

  /** Of a link itself. */
  lstat(path: Buffer): Promise<fs.Stats> {
    const name = pathForNode(path);
    return this.#call(
      ['stat', path],
      () => fs.lstatSync(name),
      (done) => fs.lstat(name, done),
    );
  }

  close(fd: number, path: Buffer): Promise<void> {
    return this.#call(
      ['close', path],
      () => fs.closeSync(fd),
      (done: Callback<void>) => fs.close(fd, done as (error?: Error | null) => void),
    );
  }

  read(fd: number, path: Buffer, into: Buffer, position: number): Promise<number> {
    return this.#call(
      ['read', path],
      () => fs.readSync(fd, into, 0, into.length, position),
      (done) => fs.read(fd, into, 0, into.length, position, done),
    );
  }

  /** Writes all of the bytes. */
  async write(fd: number, path: Buffer, parts: readonly Buffer[], position: number): Promise<void> {
    let rest = parts;
    let at = position;
    while (rest.length > 0) {
      const now = rest;
      const from = at;
      const [only] = now;
      const written = await (now.length === 1 && only !== undefined
        ? this.#call(
            ['write', path],
            () => fs.writeSync(fd, only, 0, only.length, from),
            (done: Callback<number>) => fs.write(fd, only, 0, only.length, from, done),
          )
        : this.#call(
            ['write', path],
            () => fs.writevSync(fd, now, from),
            (done: Callback<number>) => fs.writev(fd, now, from, done),
          ));
      at += written;
      rest = dropFront(now, written);
    }
  }

  truncate(fd: number, path: Buffer, size: number): Promise<void> {
    return this.#call(['truncate', path], undefined, (done: Callback<void>) =>
      // EINVAL: a device or a pipe, which has no length.
      fs.ftruncate(fd, size, (error) => done(error?.code === 'EINVAL' ? null : error)),
    );
  }

  flush(fd: number, path: Buffer): Promise<void> {
    return this.#call(['fsync', path], undefined, (done: Callback<void>) =>
      fs.fsync(fd, done as (error: Error | null) => void),
    );
  }

  setMode(fd: number, path: Buffer, mode: number): Promise<void> {
    return this.#call(
      ['chmod', path],
      () => fs.fchmodSync(fd, mode),
      (done: Callback<void>) => fs.fchmod(fd, mode, done as (error: Error | null) => void),
    );
  }

  setTimes(fd: number, path: Buffer, accessed: number, modified: number): Promise<void> {
    return this.#call(
      ['utimes', path],
      () => fs.futimesSync(fd, accessed, modified),
      (done: Callback<void>) => fs.futimes(fd, accessed, modified, done as (error: Error | null) => void),
    );
  }

  async #call<T>(
    [operation, path]: readonly [string, Buffer],
    atOnce: (() => T) | undefined,
    later: (done: Callback<T>) => void,
  ): Promise<T> {
    const byThread = () =>
      new Promise<T>((resolve, reject) => {
        later((error, value) => (error ? reject(error) : resolve(value)));
      });
    try {
      return await (atOnce === undefined || this.#pace === undefined ? byThread() : this.#pace.run(atOnce, byThread));
    } catch (error) {
      throw localError(operation, path, error);
    }
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
