/** Removes what a target has too much: folder by folder, what is left out stays, and no link is followed. */
import { SshError } from '../../../errors.ts';
import { maxSftpTreeDepth } from '../../../limits.ts';
import { joinPath, Places } from '../../../sftp/index.ts';
import type { Facts, TargetSide } from '../side.ts';
import type { SurveyTools } from '../survey.ts';
import type { Filter } from './filter.ts';
import { listWhole } from './list-whole.ts';
import type { SyncChange } from './types.ts';

/** Something that the source has not. */
export interface Extra {
  readonly target: Buffer;
  /** Relative to what was named in the call. */
  readonly path: Buffer;
  readonly facts: Facts;
}

/** Folders that are gone through at the same time: each holds a handle of the server's. */
const mostListings = 8;
/** Requests to remove that wait for their answers. */
const mostRemovals = 64;

export class Deletions {
  readonly #side: TargetSide;
  readonly #filter: Filter;
  readonly #tools: SurveyTools;
  readonly #isDry: boolean;
  readonly #tell: (change: SyncChange) => void;
  // Held for one request or listing each, and never while waiting for the other kind: nobody waits in a circle.
  readonly #listings = new Places(mostListings);
  readonly #removals = new Places(mostRemovals);

  constructor(
    side: TargetSide,
    filter: Filter,
    tools: SurveyTools,
    isDry: boolean,
    tell: (change: SyncChange) => void,
  ) {
    this.#side = side;
    this.#filter = filter;
    this.#tools = tools;
    this.#isDry = isDry;
    this.#tell = tell;
  }

  async removeAll(extras: readonly Extra[]): Promise<void> {
    await Promise.all(extras.map((extra) => this.remove(extra, 'extra')));
  }

  /** @returns whether all of it is gone, or would be; what is left out is not. A failure is told, and does not keep the rest. */
  async remove({ target, path, facts }: Extra, reason: SyncChange['reason'], depth = 0): Promise<boolean> {
    try {
      this.#tools.signal.throwIfAborted();
      const isSure = facts.kind !== undefined && facts.kind !== 'directory';
      // Some servers list the type of what a link leads to: what is said to be a folder is looked at before anybody goes in.
      const kind = isSure ? facts.kind : (await this.#request(() => this.#side.lstat(target))).kind;
      if (!this.#filter(path, kind)) return false;
      if (kind === 'directory') {
        if (!(await this.#empty(target, path, depth))) return false;
        await this.#do(() => this.#side.removeFolder(target));
      } else await this.#do(() => this.#side.remove(target));
      this.#tell({ action: 'delete', path, kind, reason });
      return true;
    } catch (error) {
      await this.#tools.fail(target, target, error);
      return false;
    }
  }

  async #empty(target: Buffer, path: Buffer, depth: number): Promise<boolean> {
    if (depth >= maxSftpTreeDepth) {
      throw new SshError(`more than ${maxSftpTreeDepth} folders deep`, { code: 'limit-exceeded', stage: 'sftp' });
    }
    const inside = await this.#listings.hold(() => this.#tools.again(() => listWhole(this.#side, target)));
    const isGone = await Promise.all(
      inside.map(({ name, facts }) =>
        this.remove({ target: joinPath(target, name), path: joinPath(path, name), facts }, 'extra', depth + 1),
      ),
    );
    return isGone.every(Boolean);
  }

  async #do(work: () => Promise<void>): Promise<void> {
    if (this.#isDry) return;
    await this.#request(async () => {
      try {
        await work();
      } catch (error) {
        // Gone meanwhile, or removed by the try before a connection was lost.
        if (!(error instanceof SshError) || error.code !== 'no-such-file') throw error;
      }
    });
  }

  #request<T>(work: () => Promise<T>): Promise<T> {
    return this.#removals.hold(() => this.#tools.again(work));
  }
}
