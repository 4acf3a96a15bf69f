/** What the tools ask of the operating system beyond Node: the interface that linux.ts and darwin.ts implement. */
import type { TerminalLayout } from './terminal-modes.ts';

/** A row of the password database. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** The login shell; `/bin/sh` where the database leaves it empty. */
  readonly shell: string;
  readonly gecos: string;
}

/** The dates of a shadow entry, in days; undefined where the entry sets none. */
export interface ShadowEntry {
  readonly passwordField: string;
  readonly lastChangeDay: number | undefined;
  readonly maxDays: number | undefined;
  readonly inactiveDays: number | undefined;
  readonly expireDay: number | undefined;
}

/** Size of a terminal in characters and, where known, in pixels. */
export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
  readonly widthPixels: number;
  readonly heightPixels: number;
}

/** When a change of terminal settings takes effect: at once, or after pending output went out. */
export type TerminalChange = 'now' | 'drain';

/** The calls behind accounts, terminals and sessions; each throws SshError `unsupported` or the system's error. */
export interface Platform {
  getAccount(key: string | number): Account | undefined;
  /** All groups of an account, its primary one included. */
  getGroups(name: string, gid: number): number[];
  /** Undefined when there is no entry or it may not be read. */
  getShadow(name: string): ShadowEntry | undefined;
  /** A new pseudo-terminal master: close-on-exec, non-blocking, and the path of its unlocked slave. */
  openMaster(): { fd: number; slavePath: string };
  /** A pipe, both ends close-on-exec. */
  openPipe(): { readFd: number; writeFd: number };
  /** Has a pipe hold more, where the system lets us choose; given either end. */
  growPipe(fd: number, byteCount: number): void;
  /** Who is at the other end of a connected Unix socket. */
  getPeerUserId(fd: number): number;
  /** Has descriptor `to` stand for what `from` stands for; what it stood for is closed. */
  duplicate(from: number, to: number): void;
  /** Leaves the controlling terminal: this process leads a session and a group of its own. */
  startSession(): void;
  /** The type of service (DSCP and ECN bits) that a TCP socket's packets bear. */
  setTypeOfService(fd: number, family: 4 | 6, value: number): void;
  /**
   * A tunnel device, close-on-exec and non-blocking, in the place of descriptor `at`, whose file is closed.
   *
   * @param name - of the device; empty for a new one.
   * @returns its name.
   */
  openTunnel(mode: 'point-to-point' | 'ethernet', name: string, at: number): string;
  /** Keeps other processes of the same user from reading this one's memory, by debugger or in a core file. */
  hideMemory(): void;
  getWindowSize(fd: number): WindowSize;
  setWindowSize(fd: number, size: WindowSize): void;
  /** The kernel's termios structure as it is; `layout` tells how to read it. */
  getTermios(fd: number): Buffer;
  setTermios(fd: number, termios: Buffer, when: TerminalChange): void;
  readonly layout: TerminalLayout;
}

/** The part of koffi that is used, so that everything else type-checks without loading it. */
export type Koffi = typeof import('koffi');
