/** runInternalSftp(): sftp-server inside another program, which sshd calls internal-sftp. */
import { statSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { toSshError } from '@nacre/ssh/errors';
import { localFileSystem } from '@nacre/ssh/file-systems';
import { runSftpServer } from '@nacre/ssh/sftp/server';
import { describeSystemError } from '../ssh-keygen/ending.ts';
import type { ToolLog } from './log.ts';
import { accountNames } from './names.ts';
import { openLog, runSession, type SessionEnd } from './session.ts';
import { readSettings, type SessionUser } from './settings.ts';

export interface InternalSftp {
  /** The client's channel. */
  readonly stream: Duplex;
  readonly user: SessionUser;
  /** Where the client is, for the log. */
  readonly address: string;
  /** In place of the log that the arguments ask for: the program's own. */
  readonly log?: ToolLog;
  /** The folder that is `/` to the client, where the process itself was not put into it. */
  readonly root?: string;
}

/**
 * Serves one client in this process, which must run as the user already. Nothing of the process changes: start directory and
 * umask are the session's own, and slow disks keep nobody else waiting.
 *
 * @param args - as of sftp-server.
 * @returns the exit status.
 * @throws Ending with the words and the status of arguments that are wrong.
 */
export async function runInternalSftp(args: readonly string[], session: InternalSftp): Promise<number> {
  const { stream, user, address, root } = session;
  const settings = readSettings(args, user);
  const log = session.log ?? openLog(settings);
  const startDirectory = settings.startDirectory ?? (root === undefined ? user.home : '/');
  if (root === undefined) checkStart(startDirectory, log);
  const files = localFileSystem({ startDirectory, ...(root !== undefined && { root }) });
  const options = { accounts: accountNames(), ...(settings.umask !== undefined && { umask: settings.umask }) };
  return runSession({ settings, log, user: user.name, address }, options, async (all): Promise<SessionEnd> => {
    try {
      await runSftpServer(stream, files, all);
      return { kind: 'end' };
    } catch (caught) {
      const error = toSshError(caught, { code: 'operation-failed', stage: 'sftp' });
      return error.code === 'connection-lost' ? { kind: 'broken-pipe' } : { kind: 'failed', error };
    }
  });
}

/** A start directory that is not there is told; relative paths then lead nowhere. */
function checkStart(directory: string, log: ToolLog): void {
  try {
    statSync(directory);
  } catch (error) {
    log.write('error', `chdir to "${directory}" failed: ${describeSystemError(error)}`);
  }
}
