/** -y: messages to the system's log, by way of logger(1). */
import { spawn } from 'node:child_process';

/** Takes lines for the system's log. */
export interface Syslog {
  /** What is written from now on goes to this facility. */
  facility: string;
  write(level: keyof typeof severities, line: string): void;
  close(): void;
}

/** syslog(3): the number of each facility, and of each level. */
const facilities: Readonly<Record<string, number>> = {
  ...{ USER: 1, DAEMON: 3, AUTH: 4, AUTHPRIV: 10 },
  ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`LOCAL${index}`, 16 + index])),
};
const severities = {
  ...{ QUIET: 2, FATAL: 2, ERROR: 3, INFO: 6, VERBOSE: 6 },
  ...{ DEBUG1: 7, DEBUG2: 7, DEBUG3: 7 },
};

/**
 * Starts a logger: /dev/log is a datagram socket in the file system, and Node has none of those. Without the program nothing is
 * logged, as without a syslog daemon.
 */
export function openSyslog(): Syslog {
  const child = spawn('logger', ['-t', 'ssh', `--id=${process.pid}`, '--prio-prefix'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.unref();
  return {
    facility: 'USER',
    write(level, line) {
      const priority = (facilities[this.facility] ?? 1) * 8 + severities[level];
      child.stdin.write(`<${priority}>${line}\n`);
    },
    close: () => void child.stdin.end(),
  };
}
