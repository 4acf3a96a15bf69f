/** The names of one folder as a listing tells them: each once, and no two that are the same file at the target. */
import { SshError } from '../../errors.ts';
import { maxSftpFolderEntries } from '../../limits.ts';

export class FolderNames {
  readonly #fold: (name: Buffer) => string;
  readonly #seen = new Set<string>();

  /** @param fold - what names have in common that lead to the same file. */
  constructor(fold: (name: Buffer) => string) {
    this.#fold = fold;
  }

  /**
   * Notes a name.
   *
   * @returns false for one that was told before: a listing that begins again after a lost connection tells the same names once more.
   * @throws SshError where another name is the same file, and `limit-exceeded` where the folder has no end.
   */
  add(name: Buffer): boolean {
    const key = name.toString('latin1');
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    // No name has a slash in it.
    const folded = `/${this.#fold(name)}`;
    if (this.#seen.has(folded)) {
      throw new SshError('another name of this folder is the same file here', {
        code: 'operation-failed',
        stage: 'sftp',
      });
    }
    this.#seen.add(folded);
    if (this.#seen.size > 2 * maxSftpFolderEntries) {
      throw new SshError(`more than ${maxSftpFolderEntries} entries in a folder`, {
        code: 'limit-exceeded',
        stage: 'sftp',
      });
    }
    return true;
  }
}
