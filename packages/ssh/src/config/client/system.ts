/** What reading a configuration needs from the world outside: files, commands, names. Tests give their own. */

/** A file as it was found. */
export interface ConfigFileText {
  readonly text: string;
}

export interface ReadFileOptions {
  /** A file that others may write to could make us run or send anything: it must be ours or root's, and nobody else's to write. */
  readonly checkOwner: boolean;
  /** A person named it: it may be a pipe or a device. */
  readonly named: boolean;
}

export interface ConfigSystem {
  /**
   * The text of a file; undefined where there is none, or what is there is no file.
   *
   * @throws SshError `bad-file` for an owner or a mode that is not safe, and for a file too large to be a configuration.
   */
  readFile(path: string, options: ReadFileOptions): string | undefined | Promise<string | undefined>;
  /** The paths that an absolute pattern names, sorted. */
  expandGlob(pattern: string): readonly string[] | Promise<readonly string[]>;
  /** Runs a command by the person's shell; its exit status. For `Match exec`. */
  runCommand(command: string): number | Promise<number>;
  /** The addresses of this machine's interfaces, for `Match localnetwork`. */
  localAddresses(): readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly localUser: string;
  readonly localUserId: string;
  /** The home folder. */
  readonly home: string;
  /** This machine's name, with its domain. */
  readonly localHostName: string;
}
