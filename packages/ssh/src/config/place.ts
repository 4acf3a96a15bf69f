/** Where in the configuration something stands, and the errors that name that place. */
import { SshError } from '../errors.ts';

/** A line of a file, counted from 1; line 0 of `command-line` stands for flags and `-o`. */
export interface ConfigPlace {
  readonly file: string;
  readonly line: number;
}

/** What flags and `-o` say. */
export const commandLine: ConfigPlace = { file: 'command-line', line: 0 };

/** What is wrong with a value; whoever reads the line puts its place before it. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
}

/** A line of a configuration that is wrong. */
export interface ConfigMistake extends ConfigPlace {
  /** In lower case; undefined where the line does not even have one. */
  readonly keyword: string | undefined;
  /** What is wrong, with file and line before it. */
  readonly text: string;
}

/** A configuration that cannot be used, with every line that is wrong. */
export class ConfigError extends SshError {
  readonly mistakes: readonly ConfigMistake[];

  constructor(message: string, mistakes: readonly ConfigMistake[], remedy: string) {
    super(message, { code: 'bad-file', stage: 'config', remedy });
    this.mistakes = mistakes;
  }
}

/** A line that cannot be used: `FILE line N: reason`, in OpenSSH's words where it has some. */
export function configError(place: ConfigPlace, reason: string, remedy?: string): SshError {
  return new SshError(`${place.file} line ${place.line}: ${reason}`, {
    code: 'bad-file',
    stage: 'config',
    ...(remedy !== undefined && { remedy }),
  });
}
