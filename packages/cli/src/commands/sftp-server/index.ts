/** sftp-server: files for an sftp client at the other end of stdin and stdout. */
import { userInfo } from 'node:os';
import { localFileSystem } from '@nacre/ssh/file-systems';
import { type SftpServerOptions, serverRequests } from '@nacre/ssh/sftp/server';
import { describeSystemError, Ending } from '../ssh-keygen/ending.ts';
import { stderrLog, syslogLog, type ToolLog } from './log.ts';
import { accountNames, homeOf } from './names.ts';
import { openFilesLimit } from './open-files.ts';
import { readSettings, type SftpServerSettings } from './settings.ts';
import { type StdioEnd, serveStdio } from './stdio.ts';

export async function run(args: readonly string[]): Promise<number> {
  try {
    const { username, uid, homedir } = userInfo();
    return await serve(readSettings(args, { name: username, uid, home: homedir, homeOf }), username);
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.status;
  }
}

async function serve(settings: SftpServerSettings, user: string): Promise<number> {
  if (settings.query !== undefined) {
    process.stdout.write(serverRequests.map(({ name }) => `${name}\n`).join(''));
    return 0;
  }
  const log = settings.stderr ? stderrLog(settings.level) : syslogLog(settings.level, settings.facility);
  const session = sessionLog(log, user);
  if (session === undefined) return 255;
  if (settings.umask !== undefined) process.umask(settings.umask);
  if (settings.startDirectory !== undefined) startIn(settings.startDirectory, session);
  const options: SftpServerOptions = {
    ...{ readOnly: settings.readOnly, log: session, accounts: accountNames(), maxHandles: openFilesLimit() },
    ...(settings.allow && { allow: settings.allow }),
    ...(settings.deny && { deny: settings.deny }),
  };
  // One client: what blocks it blocks nobody else, and threads would cost more than the calls themselves.
  const end = await serveStdio(localFileSystem({ blocking: true }), options);
  const status = report(end, session, user);
  session.write('info', `session closed for local user ${user} from [${session.address}]`);
  await log.close();
  return status;
}

interface SessionLog extends ToolLog {
  /** Where the client is, as sshd tells. */
  readonly address: string;
}

function sessionLog(log: ToolLog, user: string): SessionLog | undefined {
  const connection = process.env.SSH_CONNECTION;
  const address = connection === undefined ? 'UNKNOWN' : connection.split(' ')[0];
  if (connection !== undefined && (address === undefined || !connection.includes(' '))) {
    log.write('error', `Malformed SSH_CONNECTION variable: "${connection}"`);
    return undefined;
  }
  const session = { ...log, address: address ?? 'UNKNOWN' };
  session.write('info', `session opened for local user ${user} from [${session.address}]`);
  return session;
}

/** A start directory that is not there is told, and the session begins where it is. */
function startIn(directory: string, log: ToolLog): void {
  try {
    process.chdir(directory);
  } catch (error) {
    log.write('error', `chdir to "${directory}" failed: ${describeSystemError(error)}`);
  }
}

function report(end: StdioEnd, log: SessionLog, user: string): number {
  switch (end.kind) {
    case 'end':
      log.write('debug1', 'read eof');
      return 0;
    case 'broken-pipe':
      log.write('debug1', 'write eof');
      return 0;
    case 'bad-message':
      if (end.error.code === 'limit-exceeded') {
        log.write('error', `bad message from ${log.address} local user ${user}`);
        return 11;
      }
      log.write('fatal', end.error.message);
      return 255;
  }
}
