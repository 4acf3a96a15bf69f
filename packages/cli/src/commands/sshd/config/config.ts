/** Reads sshd_config and `-o` options with this system's files; what cannot be honoured stops the server. */
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import {
  type ParsedServerConfig,
  readServerConfig,
  type ServerConfigSystem,
  type ServerSettings,
} from '@nacre/ssh/config/server';
import { SshError } from '@nacre/ssh/errors';
import { expandGlob, readRegularFile } from './read-file.ts';

export type Settings = ServerSettings;
export type Config = ParsedServerConfig;

/**
 * Reads a configuration. `-o` options come first, and of most keywords the first value counts.
 *
 * @param options - the values of `-o`, as `Keyword=value` or `Keyword value`.
 * @param file - undefined for none.
 * @param ports - of `-p`; they take the place of every `Port`.
 * @throws SshError `bad-file` that lists every bad line in OpenSSH's words.
 */
export function readConfig(
  options: readonly string[],
  file: string | undefined,
  ports: readonly number[] = [],
): ParsedServerConfig {
  return readServerConfig({ options, file, ports }, system);
}

const system: ServerConfigSystem = {
  readFile(path) {
    try {
      return readRegularFile(path).toString('utf8');
    } catch (error) {
      throw unreadable(path, error);
    }
  },
  // A pattern may name nothing, and so may a plain name: OpenSSH passes over both.
  expandGlob: (pattern) => expandGlob(pattern).filter((path) => path !== pattern || isThere(path)),
  // `Include conf.d/*.conf` counts from /etc/ssh in the system's file, from the file's own folder in a person's.
  includeFolder: (file) => (process.getuid?.() === 0 ? '/etc/ssh' : dirname(file)),
  absolute: (path) => resolve(path.replace(/^~(?=$|\/)/, () => homedir())),
};

function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function unreadable(file: string, error: unknown): SshError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'No such file or directory' : code === 'EACCES' ? 'Permission denied' : message;
  return new SshError(`${file}: ${reason}`, { code: 'bad-file', stage: 'config', cause: error });
}
