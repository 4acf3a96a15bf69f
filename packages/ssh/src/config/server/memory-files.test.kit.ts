/** A configuration in memory, for tests. */
import { SshError } from '../../errors.ts';
import { matchPattern } from '../../trust/index.ts';
import { type ParsedServerConfig, readServerConfig, type ServerConfigRequest } from './read.ts';
import type { ServerConfigSystem } from './system.ts';

export function memoryFiles(files: Readonly<Record<string, string>>): ServerConfigSystem {
  return {
    readFile(path) {
      const text = files[path];
      if (text === undefined) {
        throw new SshError(`${path}: No such file or directory`, { code: 'bad-file', stage: 'config' });
      }
      return text;
    },
    expandGlob: (pattern) =>
      Object.keys(files)
        .filter((path) => matchPattern(path, pattern))
        .sort(),
    includeFolder: () => '/etc/ssh',
    absolute: (path) => (path.startsWith('/') ? path : `/cwd/${path.replace(/^~\//, 'home/')}`),
  };
}

/** Reads a text as the file `main`. */
export function readText(
  text: string,
  more: Readonly<Record<string, string>> = {},
  request: ServerConfigRequest = {},
): ParsedServerConfig {
  return readServerConfig({ file: 'main', ...request }, memoryFiles({ main: text, ...more }));
}

/** What is wrong with a text, a line each. */
export function complaintsOf(text: string, more: Readonly<Record<string, string>> = {}): string[] {
  try {
    readText(text, more);
  } catch (error) {
    if (error instanceof SshError && error.code === 'bad-file') return error.message.split('\n');
    throw error;
  }
  return [];
}
