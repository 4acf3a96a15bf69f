/** What every session of sftp-server tells and ends with, whatever carries it. */
import type { SshError } from '@nacre/ssh/errors';
import type { SftpLog, SftpServerOptions } from '@nacre/ssh/sftp/server';
import { isWanted, stderrLog, syslogLog, type ToolLog } from './log.ts';
import type { ProgramName, SftpServerSettings } from './settings.ts';

/** How a session ended. */
export type SessionEnd =
  | { readonly kind: 'end' }
  /** Nobody reads any more. */
  | { readonly kind: 'broken-pipe' }
  | { readonly kind: 'failed'; readonly error: SshError };

export interface Session {
  readonly settings: SftpServerSettings;
  readonly log: ToolLog;
  /** The local user's name, and where the client is. */
  readonly user: string;
  readonly address: string;
}

/**
 * Tells of a session's beginning and end.
 *
 * @returns the exit status, which is OpenSSH's.
 */
export async function runSession(
  { settings, log, user, address }: Session,
  options: SftpServerOptions,
  serve: (options: SftpServerOptions) => Promise<SessionEnd>,
): Promise<number> {
  const tell = onlyWanted(log);
  tell('info', `session opened for local user ${user} from [${address}]`);
  const end = await serve({
    ...options,
    ...{ readOnly: settings.readOnly, log },
    ...(settings.allow && { allow: settings.allow }),
    ...(settings.deny && { deny: settings.deny }),
  });
  const status = report(end, tell, `${address} local user ${user}`);
  tell('info', `session closed for local user ${user} from [${address}]`);
  await log.close();
  return status;
}

export function openLog({ stderr, level, facility }: SftpServerSettings, name: ProgramName): ToolLog {
  return stderr ? stderrLog(level) : syslogLog(level, facility, name);
}

/** The client's address as sshd tells it in SSH_CONNECTION; undefined where that is nothing that sshd writes. */
export function addressOf(connection: string | undefined): string | undefined {
  if (connection === undefined) return 'UNKNOWN';
  const end = connection.indexOf(' ');
  return end < 0 ? undefined : connection.slice(0, end);
}

function onlyWanted(log: SftpLog): SftpLog['write'] {
  return (at, text) => {
    if (isWanted(at, log.level)) log.write(at, text);
  };
}

function report(end: SessionEnd, tell: SftpLog['write'], client: string): number {
  switch (end.kind) {
    case 'end':
      tell('debug1', 'read eof');
      return 0;
    case 'broken-pipe':
      tell('debug1', 'write eof');
      return 0;
    case 'failed':
      if (end.error.code === 'limit-exceeded') {
        tell('error', `bad message from ${client}`);
        return 11;
      }
      tell('fatal', end.error.message);
      return 255;
  }
}
