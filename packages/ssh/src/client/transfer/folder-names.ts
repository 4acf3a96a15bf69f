/** The names of one folder as a listing tells them: each once, and no two that are the same file at the target. */
import { SshError } from '../../errors.ts';
import { maxSftpFolderEntries } from '../../limits.ts';

export class FolderNames {
  readonly #fold: (name: Buffer) => string;
  readonly #most: number;
  /** Names by what they have in common with others that are the same file. */
  readonly #seen = new Map<string, string>();

  /**
   * @param fold - what names have in common that lead to the same file.
   * @param most - names in one folder.
   */
  constructor(fold: (name: Buffer) => string, most: number = maxSftpFolderEntries) {
    this.#fold = fold;
    this.#most = most;
  }

  /**
   * Notes a name.
   *
   * @returns false for one that was told before: a listing that begins again after a lost connection tells the same names once more.
   * @throws SshError where another name is the same file, and `limit-exceeded` where the folder has no end.
   */
  add(name: Buffer): boolean {
    const key = name.toString('latin1');
    const folded = this.#fold(name);
    const before = this.#seen.get(folded);
    if (before === key) return false;
    if (before !== undefined) {
      throw new SshError('another name of this folder is the same file here', {
        code: 'operation-failed',
        stage: 'sftp',
      });
    }
    this.#seen.set(folded, folded === key ? folded : key);
    if (this.#seen.size <= this.#most) return true;
    throw new SshError(`more than ${this.#most} entries in a folder`, { code: 'limit-exceeded', stage: 'sftp' });
  }
}
