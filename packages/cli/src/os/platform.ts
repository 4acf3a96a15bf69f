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

/** What came with a byte of a Unix socket. */
export type ReceivedDescriptors =
  /** Nothing is there yet. */
  | 'nothing'
  /** The other end has closed the socket. */
  | 'ended'
  /** They are the receiver's to close; not whole where the system had no room for all of them. */
  | { readonly fds: readonly number[]; readonly isWhole: boolean };

/**
 * What a pipe should hold once bulk passes through it: systems have 64 KiB, after which writer and reader take turns. Not from the
 * start, because Linux counts the pipes of a user who is not root and cuts short all of them beyond 64 MiB.
 */
export const bulkPipeBytes = 1024 * 1024;

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
  /** The same of its process, which made or accepted the connection; 0 where it is not known. */
  getPeerProcessId(fd: number): number;
  /** Has descriptor `to` stand for what `from` stands for; what it stood for is closed. */
  duplicate(from: number, to: number): void;
  /** Takes one byte of a Unix socket and the descriptors that came with it, close-on-exec. Never waits. */
  receiveDescriptors(socketFd: number): ReceivedDescriptors;
  /** Passes a descriptor over a Unix socket, with one byte; both processes have it then. Waits where the socket is full. */
  sendDescriptor(socketFd: number, fd: number): void;
  /** Two Unix sockets, connected, close-on-exec. */
  openSocketPair(): readonly [number, number];
  /** Closing a socket no longer waits for what it still has to send (SO_LINGER), whatever its owner set. */
  stopLingering(fd: number): void;
  /** Another descriptor of the same open file, close-on-exec. */
  cloneDescriptor(fd: number): number;
  /** The access mode and the flags of an open file (F_GETFL), which all its descriptors share, those of other processes too. */
  getDescriptorFlags(fd: number): number;
  setDescriptorFlags(fd: number, flags: number): void;
  /** Whether a terminal is the one that controls us, and stops us as soon as we read it: another process group is in its foreground. */
  isInBackgroundOf(fd: number): boolean;
  /** Leaves the controlling terminal: this process leads a session and a group of its own. */
  startSession(): void;
  /** The type of service (DSCP and ECN bits) that a TCP socket's packets bear. */
  setTypeOfService(fd: number, family: 4 | 6, value: number): void;
  /** Has TCP acknowledge what was read of a socket now, if nothing has yet (Linux: TCP_QUICKACK); others have nothing of the kind. */
  acknowledge(fd: number): void;
  /**
   * A tunnel device, close-on-exec and non-blocking, in the place of descriptor `at`, whose file is closed.
   *
   * @param name - of the device; empty for a new one.
   * @returns its name.
   */
  openTunnel(mode: 'point-to-point' | 'ethernet', name: string, at: number): string;
  /**
   * A TCP socket that listens, bound to a network device (Linux: SO_BINDTODEVICE), close-on-exec and non-blocking. `::` leaves
   * IPv4 alone.
   */
  listenOnDevice(device: string, address: string, port: number): number;
  /** The network device that a socket is bound to; empty where it is to none. */
  getBoundDevice(fd: number): string;
  isListening(fd: number): boolean;
  /** Sends one datagram to a Unix socket; a name that begins with @ is an abstract one. */
  sendDatagram(path: string, data: Buffer): void;
  /** Has the C library give the system back what it holds and does not use, where it can. */
  trimMemory(): void;
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
