/** A pseudo-terminal for a session: opened, owned by its user, resized, and given back when the session ends. */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { SshError } from '@nacre/ssh/errors';
import { platform } from './native.ts';
import type { WindowSize } from './platform.ts';
import { PtyStream } from './pty-stream.ts';
import type { TerminalMode } from './terminal-modes.ts';
import { writeTerminalModes } from './termios.ts';

export interface PtyOptions extends Partial<WindowSize> {
  /** What a pty-req asked for: opcode and value pairs (RFC 4254 §8). */
  readonly modes?: Iterable<TerminalMode>;
  /** Who gets the terminal; needed when this process runs as root for someone else. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** An open pseudo-terminal. Whoever opened it closes it; `close` may be called twice. */
export interface Pty {
  /** For SSH_TTY, and for login records: `/dev/pts/3`. */
  readonly path: string;
  /**
   * What the session's process gets as its three standard descriptors.
   *
   * @throws SshError `closed` once the terminal is: the number may be another file's by then.
   */
  readonly slaveFd: number;
  /** Our end: what the session prints, and what is typed into it. */
  readonly stream: Duplex;
  /** Tells the terminal its new size; the kernel sends SIGWINCH to the foreground job. */
  resize(size: WindowSize): void;
  /** The session's process is gone: gives out what it still printed, then ends the stream. */
  finish(): void;
  /** Hangs up (SIGHUP for whatever still runs there) and gives the terminal back. */
  close(): void;
}

/**
 * Opens a pseudo-terminal with a size, modes and an owner.
 *
 * Our own slave descriptor stays open until the end: without it the master would report a hang-up as soon as the process
 * exits, and libuv takes that for the end of the stream while bytes are still queued.
 *
 * @throws SshError `unsupported` where pseudo-terminals cannot be had.
 */
export function openPty(options: PtyOptions = {}): Pty {
  const system = platform();
  const { fd: masterFd, slavePath } = system.openMaster();
  let slaveFd: number;
  try {
    slaveFd = openSync(slavePath, constants.O_RDWR | constants.O_NOCTTY);
  } catch (error) {
    closeSync(masterFd);
    throw error;
  }
  const size = { columns: 80, rows: 24, widthPixels: 0, heightPixels: 0, ...defined(options) };
  const givesAway = process.getuid?.() === 0 && options.owner !== undefined;
  try {
    if (givesAway) setOwner(slaveFd, options.owner);
    if (options.modes !== undefined) {
      const termios = system.getTermios(slaveFd);
      writeTerminalModes(system.layout, termios, options.modes);
      system.setTermios(slaveFd, termios, 'now');
    }
    system.setWindowSize(masterFd, size);
  } catch (error) {
    closeSync(slaveFd);
    closeSync(masterFd);
    throw error;
  }

  const stream = new PtyStream(masterFd);
  let open = true;
  return {
    path: slavePath,
    get slaveFd() {
      if (!open) throw new SshError(`the terminal ${slavePath} is closed`, { code: 'closed', stage: 'channel' });
      return slaveFd;
    },
    stream,
    resize(next) {
      if (open && stream.isOpen) system.setWindowSize(masterFd, next);
    },
    finish: () => stream.finish(),
    close() {
      if (!open) return;
      open = false;
      if (givesAway) takeBack(slaveFd);
      stream.destroy();
      closeSync(slaveFd);
    },
  };
}

/**
 * For root: gives an account's terminal, which a process of the account's opened, the group and mode that others have.
 *
 * @throws Error for what is no terminal of the account's.
 */
export function giveTerminal(path: string, owner: { readonly uid: number; readonly gid: number }): void {
  const fd = openTerminalOf(path, owner);
  try {
    setOwner(fd, owner);
  } finally {
    closeSync(fd);
  }
}

/** @throws Error for what is no terminal of the account's. */
export function requireTerminal(path: string, owner: { readonly uid: number }): void {
  closeSync(openTerminalOf(path, owner));
}

function openTerminalOf(path: string, owner: { readonly uid: number }): number {
  if (!/^\/dev\/pts\/\d{1,7}$/.test(path)) throw new Error(`${JSON.stringify(path)} is no pseudo-terminal`);
  const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NOFOLLOW);
  const stats = fstatSync(fd);
  if (stats.isCharacterDevice() && stats.uid === owner.uid) return fd;
  closeSync(fd);
  throw new Error(`${path} is somebody else's`);
}

/** Owner read and write, group tty may write: what write(1) and mesg(1) expect. Nobody else. */
function setOwner(slaveFd: number, owner: { uid: number; gid: number } | undefined): void {
  if (owner === undefined) return;
  const group = ttyGroup();
  fchownSync(slaveFd, owner.uid, group ?? owner.gid);
  fchmodSync(slaveFd, group === undefined ? 0o600 : 0o620);
}

/** So that the last user keeps no way into a terminal whose name is used again. */
function takeBack(slaveFd: number): void {
  try {
    fchownSync(slaveFd, 0, ttyGroup() ?? 0);
    fchmodSync(slaveFd, 0o620);
  } catch {
    // The terminal is going away with us in any case.
  }
}

let cachedTtyGroup: number | null | undefined;

function ttyGroup(): number | undefined {
  if (cachedTtyGroup === undefined) {
    cachedTtyGroup = null;
    try {
      const match = /^tty:[^:\n]*:(\d+):/m.exec(readFileSync('/etc/group', 'utf8'));
      if (match !== null) cachedTtyGroup = Number(match[1]);
    } catch {
      // No group file, no group tty.
    }
  }
  return cachedTtyGroup ?? undefined;
}

function defined(options: PtyOptions): Partial<WindowSize> {
  const { columns, rows, widthPixels, heightPixels } = options;
  const size = { columns, rows, widthPixels, heightPixels };
  return Object.fromEntries(Object.entries(size).filter(([, value]) => value !== undefined));
}
