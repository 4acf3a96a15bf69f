/** Paths and words of a configuration, expanded for one connection. */
import { expandHome, expandTokens, expandVariables, type TokenValues } from '../../config/index.ts';

/** What values of the configuration are expanded with. */
export interface Expansion {
  /** `clientTokens()` of @nacre/ssh/config. */
  readonly tokens: TokenValues;
  readonly home: string;
  /** Default that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * A file's path: `~`, variables of the environment and tokens.
 *
 * @throws SshError `bad-file` for a token or a variable that is not there.
 */
export function expandPath(path: string, { tokens, home, environment }: Expansion, keyword: string): string {
  const text = expandVariables(path, environment ?? process.env, keyword);
  return expandTokens(expandHome(text, home), tokens, keyword);
}

/** What `none` switches off. */
export function orUndefined(text: string | undefined): string | undefined {
  return text?.toLowerCase() === 'none' ? undefined : text;
}

/** Files by name; `none` alone stands for no file. */
export function orEmpty(files: readonly string[]): readonly string[] {
  return files.length === 1 && files[0]?.toLowerCase() === 'none' ? [] : files;
}
