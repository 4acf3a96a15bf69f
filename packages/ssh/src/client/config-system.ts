/** The world outside as a configuration sees it: this machine's files, shell, names and addresses. */
import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { homedir, hostname, networkInterfaces, userInfo } from 'node:os';
import type { ConfigSystem, ReadFileOptions } from '../config/index.ts';
import { SshError } from '../errors.ts';
import { maxConfigFileBytes } from '../limits.ts';
import { expandGlob } from './glob.ts';

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
    throw unreadable(path, (error as Error).message, error);
  }
  try {
    // Asked of the open file, so that it cannot change between check and reading.
    const found = fstatSync(fd);
    if (!named && !found.isFile()) throw unreadable(path, notRegular);
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

const notRegular = 'it is not a regular file';

/** False for what holds no configuration: nothing, a folder, and /dev/null, the usual "none". */
function isReadable(path: string, named: boolean): boolean {
  let found: Stats;
  try {
    found = statSync(path);
  } catch {
    return false;
  }
  if (found.isDirectory()) return false;
  if (named || found.isFile()) return true;
  if (isNullDevice(found)) return false;
  throw unreadable(path, notRegular);
}

function isNullDevice(found: Stats): boolean {
  return found.isCharacterDevice() && found.rdev === statSync('/dev/null').rdev;
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

function unreadable(path: string, reason: string, cause?: unknown): SshError {
  return new SshError(`${path} cannot be read: ${reason}`, {
    code: 'bad-file',
    stage: 'config',
    remedy: 'Take it away, or name another file with -F.',
    ...(cause !== undefined && { cause }),
  });
}

/** Ours or root's, and nobody else may write to it. */
function hasSafeOwner(found: Stats): boolean {
  return (found.uid === 0 || found.uid === process.getuid?.()) && (found.mode & 0o022) === 0;
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
