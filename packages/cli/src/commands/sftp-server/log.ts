/** The log of sftp-server: lines to stderr, or to syslog by way of logger(1). */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeSync } from 'node:fs';
import { type SftpLog, type SftpLogLevel, sftpLogLevels } from '@nacre/ssh/sftp/server';

/** syslog(3): facilities by their names in OpenSSH's configuration. */
export const facilities: ReadonlyMap<string, number> = new Map([
  ...Object.entries({ user: 1, daemon: 3, auth: 4, authpriv: 10 }),
  ...Array.from({ length: 8 }, (_, index): [string, number] => [`local${index}`, 16 + index]),
]);
const severities: Readonly<Record<SftpLogLevel, number>> = {
  ...{ quiet: 2, fatal: 2, error: 3, info: 6, verbose: 6 },
  ...{ debug1: 7, debug2: 7, debug3: 7 },
};
const loggerPlaces = ['/usr/bin/logger', '/bin/logger'];
/** What may wait for a logger that hangs. */
const maxWaitingBytes = 1024 * 1024;

export interface ToolLog extends SftpLog {
  /** Resolves when the lines are on their way. */
  close(): Promise<void>;
}

/** Lines for stderr; as in OpenSSH, errors bear no word before them there. */
export function stderrLog(level: SftpLogLevel): ToolLog {
  return {
    level,
    write(at, text) {
      if (!isWanted(at, level)) return;
      try {
        writeSync(2, `${at.startsWith('debug') ? `${at}: ` : ''}${text}\r\n`);
      } catch {
        // Whoever read it has gone.
      }
    },
    close: async () => {},
  };
}

/** Lines for syslog. The program that carries them is started with the first one, so a quiet session costs none. */
export function syslogLog(level: SftpLogLevel, facility: string, name: string): ToolLog {
  const facilityNumber = facilities.get(facility.toLowerCase()) ?? 4;
  let child: ChildProcess | undefined;
  return {
    level,
    write(at, text) {
      if (!isWanted(at, level)) return;
      child ??= startLogger(name);
      const stdin = child?.stdin;
      if (!stdin || stdin.writableLength > maxWaitingBytes) return;
      stdin.write(`<${facilityNumber * 8 + severities[at]}>${prefixOf(at)}${text}\n`);
    },
    close: () =>
      new Promise((resolve) => {
        if (!child?.stdin) return resolve();
        child.stdin.on('close', resolve);
        child.stdin.end(() => resolve());
      }),
  };
}

export function isWanted(at: SftpLogLevel, level: SftpLogLevel): boolean {
  return sftpLogLevels.indexOf(at) <= sftpLogLevels.indexOf(level);
}

function prefixOf(level: SftpLogLevel): string {
  return level === 'info' || level === 'verbose' ? '' : `${level}: `;
}

function startLogger(name: string): ChildProcess | undefined {
  const logger = loggerPlaces.find((path) => existsSync(path));
  if (logger === undefined) return undefined;
  const child = spawn(logger, ['-t', name, `--id=${process.pid}`, '--prio-prefix'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
    cwd: '/',
    detached: true,
  });
  child.on('error', () => {});
  child.stdin?.on('error', () => {});
  child.unref();
  return child;
}
