/** The world outside as a configuration sees it: this machine's files, shell, names and addresses. */
import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, type Stats, statSync } from 'node:fs';
import { homedir, hostname, networkInterfaces, userInfo } from 'node:os';
import { join, sep } from 'node:path';
import type { ConfigSystem, ReadFileOptions } from '../config/index.ts';
import { SshError } from '../errors.ts';
import { maxConfigFileBytes } from '../limits.ts';
import { matchPattern } from '../trust/index.ts';

/**
 * The system that this process runs on.
 *
 * @param changes - what to put in its place, for tests and for programs with files of their own.
 */
export function nodeConfigSystem(changes: Partial<ConfigSystem> = {}): ConfigSystem {
  const { username, uid, homedir: home } = userInfo();
  return {
    readFile: readConfigFile,
    expandGlob,
    runCommand,
    localAddresses: () =>
      Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address)),
    environment: process.env,
    localUser: username,
    localUserId: String(uid),
    home: home === '' ? homedir() : home,
    localHostName: hostname(),
    ...changes,
  };
}

function readConfigFile(path: string, { checkOwner, named }: ReadFileOptions): string | undefined {
  // A pipe is fine where a person names one (-F <(...)); one that is met on the way would hold us up (libssh CVE-2026-0965).
  if (!isReadable(path, named)) return undefined;
  let fd: number;
  try {
    // Without waiting for a writer, should a pipe have come into the file's place since we looked.
    fd = openSync(path, named ? constants.O_RDONLY : constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
  try {
    // Asked of the open file, so that it cannot change between check and reading.
    const found = fstatSync(fd);
    if (!named && !found.isFile()) return undefined;
    if (checkOwner && !hasSafeOwner(found)) {
      throw new SshError(`Bad owner or permissions on ${path}`, {
        code: 'bad-file',
        stage: 'config',
        remedy: `It must belong to you or to root, and nobody else may write to it: chmod go-w ${path}.`,
      });
    }
    return readBounded(fd, path);
  } finally {
    closeSync(fd);
  }
}

function isReadable(path: string, named: boolean): boolean {
  try {
    const found = statSync(path);
    return found.isFile() || (named && !found.isDirectory());
  } catch {
    return false;
  }
}

function readBounded(fd: number, path: string): string {
  const chunks: Buffer[] = [];
  for (let length = 0; ; ) {
    const chunk = Buffer.alloc(64 * 1024);
    const count = readSync(fd, chunk);
    if (count === 0) return Buffer.concat(chunks).toString('utf8');
    chunks.push(chunk.subarray(0, count));
    length += count;
    if (length > maxConfigFileBytes) {
      throw new SshError(`${path} is larger than ${maxConfigFileBytes} bytes`, {
        code: 'limit-exceeded',
        stage: 'config',
        remedy: 'Check that it is the file you mean.',
      });
    }
  }
}

function unreadable(path: string, cause: unknown): SshError {
  return new SshError(`${path} cannot be read: ${(cause as Error).message}`, {
    code: 'bad-file',
    stage: 'config',
    cause,
  });
}

/** Ours or root's, and nobody else may write to it. */
function hasSafeOwner(found: Stats): boolean {
  return (found.uid === 0 || found.uid === process.getuid?.()) && (found.mode & 0o022) === 0;
}

/** `*` and `?` in paths: a folder at a time, sorted, hidden files only where the pattern names them. */
export function expandGlob(pattern: string): string[] {
  let found: string[] = [sep];
  for (const part of pattern.split(sep).filter((piece) => piece !== '')) {
    found = found.flatMap((folder) => (/[*?]/.test(part) ? fitting(folder, part) : [join(folder, part)]));
  }
  return found.filter(exists);
}

function fitting(folder: string, pattern: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => pattern.startsWith('.') || !name.startsWith('.'));
    return names
      .filter((name) => matchPattern(name, pattern))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** By the person's shell, without a stdin of ours: the status, or 255 where it could not be run. */
function runCommand(command: string): Promise<number> {
  const shell = process.env.SHELL || '/bin/sh';
  return new Promise((resolve) => {
    const child = spawn(shell, ['-c', command], { stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', () => resolve(255));
    child.once('exit', (status) => resolve(status ?? 255));
  });
}
