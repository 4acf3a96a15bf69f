/** The server's log: levels and lines as OpenSSH writes them, to stderr, a file, or syslog by way of logger(1). */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, writeSync } from 'node:fs';
import { sanitize } from '../../terminal/index.ts';
import { openPatientWriter } from './patient-writer.ts';

export const logLevels = ['QUIET', 'FATAL', 'ERROR', 'INFO', 'VERBOSE', 'DEBUG1', 'DEBUG2', 'DEBUG3'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Where the lines go. `syslog` falls back to stderr where there is no logger(1). */
export type LogTarget =
  | { readonly kind: 'stderr' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'syslog'; readonly facility: string };

export type LogFormat = 'text' | 'json';

/** What a line is about; those that are undefined are left out. */
export type LogFacts = Readonly<Record<string, string | number | undefined>> & { readonly event?: string };

export interface Log {
  /**
   * Writes one line; control characters in it are escaped, so that nobody can write lines of their own into it.
   *
   * @param most - lines above this level are left out, in place of the log's own.
   * @param facts - what the line is about, for programs.
   */
  (level: Exclude<LogLevel, 'QUIET'>, text: string, most?: LogLevel, facts?: LogFacts): void;
  /** Lines above this level are left out. */
  level: LogLevel;
  /** `json`: an object a line, which holds the words of the text. */
  format: LogFormat;
  close(): void;
}

const prefixes: Readonly<Record<LogLevel, string>> = {
  ...{ QUIET: '', FATAL: 'fatal: ', ERROR: 'error: ', INFO: '', VERBOSE: '' },
  ...{ DEBUG1: 'debug1: ', DEBUG2: 'debug2: ', DEBUG3: 'debug3: ' },
};

/** Opens a log. Throws the system's error where the file cannot be written. */
export function openLog(target: LogTarget, level: LogLevel): Log {
  const sink = openSink(target);
  const log = (at: LogLevel, text: string, most?: LogLevel, facts?: LogFacts) => {
    if (logLevels.indexOf(at) > logLevels.indexOf(most ?? log.level)) return;
    sink.write(at, log.format === 'json' ? formatJson(at, text, facts) : `${prefixes[at]}${sanitize(text)}`);
  };
  log.level = level;
  log.format = 'text' as LogFormat;
  log.close = () => sink.close();
  return log;
}

/**
 * A user name as a client sent it, for a log line. Programs such as fail2ban look for the words behind the name: a name that
 * holds blanks could be read as another name, address and port.
 */
export function loggedName(name: string): string {
  return sanitize(name.slice(0, maxLoggedName)).replaceAll(' ', '\\040');
}

const maxLoggedName = 100;
const maxLoggedFact = 1000;

/** Texts of clients are as harmless in it as in a line of text. */
function formatJson(level: LogLevel, text: string, { event = 'message', ...facts }: LogFacts = {}): string {
  const harmless = Object.entries(facts).map(([name, value]) => [
    name,
    typeof value === 'string' ? sanitize(value.slice(0, maxLoggedFact)) : value,
  ]);
  const line = {
    time: new Date().toISOString(),
    level,
    event,
    ...Object.fromEntries(harmless),
    message: sanitize(text),
  };
  return JSON.stringify(line);
}

interface Sink {
  write(level: LogLevel, line: string): void;
  close(): void;
}

function openSink(target: LogTarget): Sink {
  if (target.kind === 'file') {
    const fd = openSync(target.path, 'a', 0o600);
    return { write: (_level, line) => void writeAll(fd, `${line}\n`), close: () => closeSync(fd) };
  }
  if (target.kind === 'syslog') return openSyslog(target.facility) ?? stderrSink();
  return stderrSink();
}

function stderrSink(): Sink {
  // A terminal may be in raw mode, where a line feed alone does not go back to the margin.
  const end = process.stderr.isTTY ? '\r\n' : '\n';
  const writer = (isPipe(2) ? openPatientWriter(2) : undefined) ?? ((text: string) => writeAll(2, text));
  return { write: (_level, line) => writer(`${line}${end}`), close: () => {} };
}

function isPipe(fd: number): boolean {
  try {
    return fstatSync(fd).isFIFO();
  } catch {
    return false;
  }
}

/** A log that cannot be written is no reason to stop serving. */
function writeAll(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // The disk is full, or whoever read stderr has gone.
  }
}

const loggerPlaces = ['/usr/bin/logger', '/bin/logger'];
/** syslog(3): the number of each facility, and of each level. */
const facilityNumbers: Readonly<Record<string, number>> = {
  ...{ user: 1, daemon: 3, auth: 4, authpriv: 10 },
  ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`local${index}`, 16 + index])),
};
const severities: Readonly<Record<LogLevel, number>> = {
  ...{ QUIET: 2, FATAL: 2, ERROR: 3, INFO: 6, VERBOSE: 6 },
  ...{ DEBUG1: 7, DEBUG2: 7, DEBUG3: 7 },
};
/** What may wait for a logger that hangs; lines beyond it are lost rather than the server's memory. */
const maxWaitingBytes = 1024 * 1024;

/** One logger for the life of the server; Node has no datagram sockets in the file system. */
function openSyslog(facility: string): Sink | undefined {
  const logger = loggerPlaces.find((path) => existsSync(path));
  if (logger === undefined) return undefined;
  const facilityNumber = facilityNumbers[facility] ?? 4;
  let child: ChildProcess | undefined;
  const start = (): ChildProcess => {
    const started = spawn(logger, ['-t', 'sshd', `--id=${process.pid}`, '--prio-prefix'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
      cwd: '/',
      detached: true,
    });
    started.on('error', () => {});
    started.on('exit', () => {
      child = undefined;
    });
    started.stdin?.on('error', () => {});
    started.unref();
    return started;
  };
  child = start();
  return {
    write(level, line) {
      child ??= start();
      const { stdin } = child;
      if (stdin === null || stdin.writableLength > maxWaitingBytes) return;
      stdin.write(`<${facilityNumber * 8 + severities[level]}>${line}\n`);
    },
    close: () => void child?.stdin?.end(),
  };
}
