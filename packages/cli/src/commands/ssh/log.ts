/** ssh's messages: levels and words as OpenSSH has them, on stderr or in the file of -E. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { ConfigLogLevel } from '@nacre/ssh/config';
import { sanitize } from '../../terminal/sanitize.ts';
import type { VerboseFormat } from './log-sources.ts';
import type { Syslog } from './syslog.ts';

export type LogLevel = ConfigLogLevel;
/** Quiet first. Not taken from the configuration, which ssh-add, that logs by this as well, would have to load for it. */
const logLevels: readonly LogLevel[] = ['QUIET', 'FATAL', 'ERROR', 'INFO', 'VERBOSE', 'DEBUG1', 'DEBUG2', 'DEBUG3'];

/** The level `steps` further along, as far as there are levels. */
export function shiftLogLevel(level: LogLevel, steps: number): LogLevel {
  const at = logLevels.indexOf(level) + steps;
  return logLevels[Math.min(Math.max(at, 0), logLevels.length - 1)] as LogLevel;
}

/** Where messages go. A line ends with CR LF: the terminal may be raw when it comes. */
export class Log {
  level: LogLevel;
  /** Says nothing: another process of the same command has said it all. */
  isHushed = false;
  /** LogVerbose: messages that are told whatever the level. */
  verboseFormat: VerboseFormat | undefined;
  #fd = 2;
  #syslog: Syslog | undefined;
  #file: string | undefined;

  constructor(level: LogLevel) {
    this.level = level;
  }

  /** From now on to the end of a file. */
  toFile(path: string): void {
    this.#fd = openSync(path, 'a', 0o600);
    this.#file = path;
  }

  /** From now on to the system's log, of which only `facility` may be changed afterwards. */
  toSyslog(syslog: Syslog): void {
    this.#syslog = syslog;
  }

  set facility(facility: string) {
    if (this.#syslog !== undefined) this.#syslog.facility = facility;
  }

  /** What has another ssh write to the same place. */
  get flags(): string[] {
    if (this.#syslog !== undefined) return ['-y'];
    return this.#file === undefined ? [] : ['-E', this.#file];
  }

  close(): void {
    this.#syslog?.close();
    this.#syslog = undefined;
    if (this.#fd !== 2) closeSync(this.#fd);
    this.#fd = 2;
  }

  /** Whether messages of this level are worth making up. */
  shows(level: LogLevel): boolean {
    return this.verboseFormat !== undefined || this.#reaches(level);
  }

  #reaches(level: LogLevel): boolean {
    return logLevels.indexOf(level) <= logLevels.indexOf(this.level);
  }

  /** Why the program ends. */
  fatal(text: string): void {
    this.#write('FATAL', text);
  }

  error(text: string): void {
    this.#write('ERROR', text);
  }

  info(text: string): void {
    this.#write('INFO', text);
  }

  verbose(text: string): void {
    this.#write('VERBOSE', text);
  }

  debug(level: 1 | 2 | 3, text: string): void {
    this.#write(`DEBUG${level}`, text);
  }

  #write(level: LogLevel, text: string): void {
    if (this.isHushed) return;
    const message = this.verboseFormat?.(text) ?? (this.#reaches(level) ? text : undefined);
    if (message === undefined) return;
    const prefix = level.startsWith('DEBUG') ? `${level.toLowerCase()}: ` : '';
    // One line each: a server's text must not look like a message of ours.
    for (const line of message.split('\n')) {
      const safe = `${prefix}${sanitize(line, '\t')}`;
      if (this.#syslog === undefined) writeAll(this.#fd, `${safe}\r\n`);
      else this.#syslog.write(level, safe);
    }
  }
}

/** Writes to stderr as it is: what the server wants shown, made safe by the caller. */
export function writeStderr(text: string): void {
  writeAll(2, text);
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0, tries = 0; at < bytes.length && tries < 500; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      // Shared with a pipe that somebody made non-blocking: wait a little. Anything else: nobody is there to be told.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      tries++;
      Atomics.wait(sleeper, 0, 0, 10);
    }
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));
