/** What reading sshd_config needs from the world outside. Tests give their own. */

export interface ServerConfigSystem {
  /**
   * The text of a file.
   *
   * @throws SshError `bad-file` for what is not there, may not be read, or is no file.
   */
  readFile(path: string): string;
  /** The paths of files that a pattern names, sorted; none where there is no such file. */
  expandGlob(pattern: string): readonly string[];
  /** The folder from which an Include in this file counts. */
  includeFolder(file: string): string;
  /** Makes a file name count from where the server was started, and expands `~`. */
  absolute(path: string): string;
}
