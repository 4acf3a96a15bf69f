/** Paths and texts of the configuration, expanded for one connection. */
import { expandHome, expandTokens, expandVariables, type TokenValues } from '@nacre/ssh/config';

export interface Expansion {
  readonly tokens: TokenValues;
  readonly home: string;
}

/** A file's path: `~`, variables of the environment and tokens. */
export function expandPath(path: string, { tokens, home }: Expansion, keyword: string): string {
  return expandTokens(expandHome(expandVariables(path, process.env, keyword), home), tokens, keyword);
}

/** What `none` switches off. */
export function orUndefined(text: string | undefined): string | undefined {
  return text?.toLowerCase() === 'none' ? undefined : text;
}

/** Files by name; `none` alone stands for no file. */
export function orEmpty(files: readonly string[]): readonly string[] {
  return files.length === 1 && files[0]?.toLowerCase() === 'none' ? [] : files;
}
