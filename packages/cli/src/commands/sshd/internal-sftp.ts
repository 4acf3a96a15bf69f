/** "internal-sftp" of Subsystem, ForceCommand and command=: our own sftp-server, in a process that needs no shell and no file of the user's. */
import { existsSync } from 'node:fs';
import type { Account, SessionRequest } from '../../os/index.ts';
import { packagePath } from '../../os/installation.ts';
import { encodeInternal } from '../sftp-server/internal-arguments.ts';

/** What is written to a client that asked for anything else where sftp alone is served; the exit status is 1. */
export const sftpOnly = 'This service allows sftp connections only.\n';

/** The arguments behind the word, every one of them; undefined for another command. They are parted by blanks, and quotes are no more than letters. */
export function readInternalSftp(command: string): string[] | undefined {
  const [, rest] = /^internal-sftp(?:$|[ \t](.*)$)/s.exec(command) ?? [];
  if (rest === undefined && command !== 'internal-sftp') return undefined;
  return (rest ?? '').split(' ').filter((word) => word !== '');
}

/**
 * The program that serves an account. It is no part of this process: whoever may open any file can open the memory of the
 * process that does it, and a session's folder and umask are its own.
 */
export function internalSftpProgram(account: Account, words: readonly string[]): SessionRequest['program'] {
  const bundled = packagePath('bundle', 'main.cjs');
  const main = existsSync(bundled) ? bundled : packagePath('dist', 'main.js');
  return { file: process.execPath, args: encodeInternal(main, account, words) };
}

/**
 * The part of a session's environment that the program is given: it runs with our rights until it has become the account, and
 * what a client may set must not steer it (NODE_V8_COVERAGE writes files, OPENSSL_CONF loads code).
 */
export function internalSftpEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  const { TZ } = process.env;
  const kept = Object.entries(environment).filter(([name]) => keptNames.has(name));
  return { ...Object.fromEntries(kept), ...(TZ !== undefined && { TZ }) };
}

const keptNames = new Set(['PATH', 'HOME', 'USER', 'LOGNAME', 'SSH_CLIENT', 'SSH_CONNECTION']);
