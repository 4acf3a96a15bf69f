/** Finds the way to a path below a root, name by name, so that no link leads out of it. */
import { constants } from 'node:fs';
import { maxPathSteps, maxSymbolicLinks } from '../../limits.ts';
import { type Awaitable, fileError, systemCode } from '../../sftp/server/index.ts';
import type { FileCalls } from './calls.ts';
import { O_PATH } from './local-calls.ts';
import { isAbsolute, isDotDot, joinPath, splitPath, throughDescriptor } from './paths.ts';

/** Where a path ends: a name in a folder that is held. */
export interface Place {
  /** For the system; its last name is not to be followed. */
  readonly path: Buffer;
  /** The names from the root on, as the client sees them. */
  readonly names: readonly Buffer[];
  release(): Awaitable<void>;
}

/** A folder on the way. */
interface Folder {
  readonly path: Buffer;
  release(): Awaitable<void>;
}

const { O_DIRECTORY = 0, O_NOFOLLOW = 0 } = constants;
const here = Buffer.from('.');

export class Walk {
  readonly #root: Buffer;
  readonly #start: readonly Buffer[];
  readonly #calls: FileCalls;

  /** @param start - names from the root on, where relative paths begin. */
  constructor(root: Buffer, start: readonly Buffer[], calls: FileCalls) {
    this.#root = root;
    this.#start = start;
    this.#calls = calls;
  }

  /**
   * Resolves a path. `..` at the root stays there, and the target of an absolute link begins there.
   *
   * @param follow - whether a link at the end is followed. The last name need not exist.
   * @throws the system's error for a folder on the way that is not there, is none, or may not be entered.
   */
  async to(path: Buffer, { follow }: { readonly follow: boolean }): Promise<Place> {
    if (path.length === 0) throw fileError('ENOENT');
    // A slash behind the last name asks for the folder that it leads to.
    const followsLast = follow || path.at(-1) === 0x2f;
    const pending = [...(isAbsolute(path) ? [] : this.#start), ...splitPath(path)].reverse();
    let names: Buffer[] = [];
    let folder = await this.#openRoot();
    let links = 0;
    let steps = 0;
    try {
      for (;;) {
        const name = pending.pop();
        if (name === undefined) return { path: joinPath(folder.path, here), names, release: folder.release };
        if (++steps > maxPathSteps) throw fileError('ELOOP');
        let target: Buffer | undefined;
        if (isDotDot(name)) {
          // The way back is walked anew from the root: what a folder's own ".." is may have changed.
          pending.push(...names.slice(0, -1).reverse());
          target = Buffer.from('/');
        } else if (pending.length === 0) {
          target = followsLast ? await this.#linkAt(joinPath(folder.path, name)) : undefined;
          if (target === undefined) {
            return { path: joinPath(folder.path, name), names: [...names, name], release: folder.release };
          }
          links++;
        } else {
          const next = await this.#enter(folder, name);
          if (!(next instanceof Uint8Array)) {
            await folder.release();
            folder = next;
            names.push(name);
            continue;
          }
          target = next;
          links++;
        }
        if (links > maxSymbolicLinks) throw fileError('ELOOP');
        pending.push(...splitPath(target).reverse());
        if (!isAbsolute(target)) continue;
        names = [];
        await folder.release();
        folder = await this.#openRoot();
      }
    } catch (error) {
      await folder.release();
      throw error;
    }
  }

  #openRoot(): Promise<Folder> {
    return this.#hold(this.#root, 0);
  }

  /** The folder of that name, or the target of the link of that name. */
  async #enter(folder: Folder, name: Buffer): Promise<Folder | Buffer> {
    const path = joinPath(folder.path, name);
    try {
      return await this.#hold(path, O_NOFOLLOW);
    } catch (error) {
      if (systemCode(error) !== 'ENOTDIR' && systemCode(error) !== 'ELOOP') throw error;
      const target = await this.#linkAt(path);
      if (target === undefined) throw error;
      return target;
    }
  }

  /** Holds a folder; without /proc its path has to do, and may be another folder's a moment later. */
  async #hold(path: Buffer, noFollow: number): Promise<Folder> {
    if (throughDescriptor(0) === undefined) {
      const stats = await (noFollow === 0 ? this.#calls.stat(path) : this.#calls.lstat(path));
      if (!stats.isDirectory()) throw fileError('ENOTDIR');
      return { path, release: () => {} };
    }
    const fd = await this.#calls.open(path, O_PATH | O_DIRECTORY | noFollow);
    let isHeld = true;
    return {
      path: throughDescriptor(fd) as Buffer,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        return this.#calls.close(fd);
      },
    };
  }

  /** A link's target; undefined for what is none, or is not there. */
  async #linkAt(path: Buffer): Promise<Buffer | undefined> {
    try {
      return await this.#calls.readlink(path);
    } catch (error) {
      if (systemCode(error) === 'EINVAL' || systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}
