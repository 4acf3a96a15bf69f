/** Removes a folder with all that is in it: many requests under way, and no link followed. */
import { maxSftpTreeDepth } from '../../limits.ts';
import { fileType } from '../attributes.ts';
import type { SftpCalls } from '../calls.ts';
import { joinPath } from '../paths.ts';
import { Places } from '../places.ts';
import type { CallOptions } from '../requests.ts';
import { sftpError } from '../sftp-error.ts';
import { describeSubject } from '../status.ts';

/** Requests to remove that wait for their answers. */
const mostRemovals = 128;
/** Folders that are read at the same time: each holds a handle of the server's. */
const mostListings = 8;

/**
 * Removes what a path names, and where that is a folder all that is in it. What cannot be removed does not keep the rest; the
 * first failure is thrown in the end.
 */
export async function removeTree(calls: SftpCalls, path: Buffer, options: CallOptions = {}): Promise<void> {
  if (fileType(await calls.lstat(path, options)) !== 'directory') return calls.remove(path, options);
  const removal = new Removal(calls, options);
  await removal.folder(path, 0);
  if (removal.failure !== undefined) throw removal.failure.error;
}

class Removal {
  failure: { readonly error: unknown } | undefined;
  readonly #calls: SftpCalls;
  readonly #options: CallOptions;
  // Held for one request each, and never while waiting for the other kind: nobody waits in a circle.
  readonly #removals = new Places(mostRemovals);
  readonly #listings = new Places(mostListings);

  constructor(calls: SftpCalls, options: CallOptions) {
    this.#calls = calls;
    this.#options = options;
  }

  /** Never rejects: `failure` tells. */
  async folder(path: Buffer, depth: number): Promise<void> {
    const work = new Set<Promise<void>>();
    const begin = (promise: Promise<void>) => {
      const tracked = promise.then(() => void work.delete(tracked));
      work.add(tracked);
    };
    try {
      if (depth > maxSftpTreeDepth) throw tooDeep(path);
      const folders: Buffer[] = [];
      await this.#listings.hold(async () => {
        for await (const { bytes, attributes } of this.#calls.readdir(path, this.#options)) {
          const inside = joinPath(path, bytes);
          const type = fileType(attributes);
          if (type === 'directory' || type === undefined) folders.push(inside);
          else {
            await this.#removals.take();
            begin(this.#remove(inside));
          }
        }
      });
      for (const inside of folders) begin(this.#look(inside, depth));
    } catch (error) {
      this.failure ??= { error };
    }
    await Promise.all(work);
    await this.#try(() => this.#calls.rmdir(path, this.#options));
  }

  async #remove(path: Buffer): Promise<void> {
    await this.#try(() => this.#calls.remove(path, this.#options));
    this.#removals.give();
  }

  /** Some servers tell the type of what a link leads to: what is listed as a folder is looked at before anybody goes in. */
  async #look(path: Buffer, depth: number): Promise<void> {
    await this.#try(async () => {
      const attributes = await this.#removals.hold(() => this.#calls.lstat(path, this.#options));
      if (fileType(attributes) === 'directory') await this.folder(path, depth + 1);
      else await this.#removals.hold(() => this.#calls.remove(path, this.#options));
    });
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failure ??= { error };
    }
  }
}

function tooDeep(path: Buffer) {
  const subject = describeSubject({ operation: 'rm', path });
  return sftpError('limit-exceeded', `${subject}: more than ${maxSftpTreeDepth} folders deep`, { side: 'peer' });
}
