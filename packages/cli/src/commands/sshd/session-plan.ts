/** What a session runs: the client's wish, weighed with the configuration and the key. */
import { existsSync } from 'node:fs';
import type { SessionStart } from '@nacre/ssh/connection';
import type { ServerConnection } from '@nacre/ssh/server';
import type { Account, Pty, StartUpFile } from '../../os/index.ts';
import type { Settings } from './config/config.ts';
import { internalSftpEnvironment, internalSftpProgram, readInternalSftp } from './internal-sftp.ts';
import { loggedName } from './log.ts';
import type { ProgramRequest } from './session-programs.ts';

/** What is run in the end. */
export interface Plan {
  /** Undefined for the login shell. */
  readonly command: string | undefined;
  /** Our own sftp-server with these arguments, in place of the command; `refused` where sftp alone is served and it was not asked for. */
  readonly internalSftp?: readonly string[] | 'refused';
  /** A subsystem's errors are no part of what it says to its client. */
  readonly isSubsystem: boolean;
  /** What the client asked for, where a forced command took its place. */
  readonly originalCommand: string | undefined;
  /** For the log: `shell on pts/0`, `command`, `subsystem 'sftp'`. */
  readonly label: string;
}

/**
 * The administrator's command before the key's, the key's before the client's.
 *
 * @returns why there is nothing to run, for the log, where there is not.
 */
export function choosePlan(
  start: SessionStart,
  connection: ServerConnection,
  settings: Settings,
  pty: Pty | undefined,
): Plan | string {
  const asked = askedCommand(start, settings);
  if (asked.command === null) {
    const { name } = start as { name: string };
    return `subsystem request for ${loggedName(name)} by user ${loggedName(connection.user)} failed, subsystem not found`;
  }
  const isSubsystem = start.kind === 'subsystem';
  const terminal = pty === undefined ? '' : ` on ${pty.path.replace(/^\/dev\//, '')}`;
  const forced = settings.forceCommand ?? connection.permissions.forceCommand;
  if (forced !== undefined) {
    const by = settings.forceCommand === undefined ? 'key-option' : 'config';
    const label = `forced-command (${by}) '${forced}'${terminal}`;
    const words = readInternalSftp(forced);
    const internalSftp = words && (isSubsystem ? words : 'refused');
    return {
      command: forced,
      originalCommand: asked.command,
      label,
      isSubsystem,
      ...(internalSftp && { internalSftp }),
    };
  }
  const internalSftp = isSubsystem ? readInternalSftp(asked.command ?? '') : undefined;
  const label = `${asked.label}${terminal}`;
  return {
    command: asked.command,
    originalCommand: undefined,
    label,
    isSubsystem,
    ...(internalSftp && { internalSftp }),
  };
}

/** The command a request comes to: undefined for a shell, null for a subsystem that there is not. */
function askedCommand(start: SessionStart, settings: Settings): { command: string | undefined | null; label: string } {
  switch (start.kind) {
    case 'shell':
      return { command: undefined, label: 'shell' };
    case 'exec':
      return { command: start.command, label: 'command' };
    case 'subsystem':
      return { command: settings.subsystems.get(start.name) ?? null, label: `subsystem '${loggedName(start.name)}'` };
  }
}

/**
 * A plan as a program to be started.
 *
 * @param isShutIn - nothing of this program's can be started here.
 */
export function programRequest(
  account: Account,
  plan: Plan,
  environment: Readonly<Record<string, string>>,
  startUpFile: StartUpFile | undefined,
  isShutIn: boolean,
): ProgramRequest {
  const { command, internalSftp: words } = plan;
  if (words === undefined || words === 'refused' || isShutIn) {
    // Where a home is missing, nobody need be told: the folder is all there is.
    const place = isShutIn && !existsSync(account.home) ? { workingDirectory: '/' } : {};
    return { account, command, environment, startUpFile, ...place };
  }
  const program = internalSftpProgram(account, words);
  // No shell is there that would run one: it has been run before.
  return { account, command, program, environment: internalSftpEnvironment(environment), startUpFile: undefined };
}
