/** A descriptor that a client passed, to be read or written here without harm to whoever else has the same open file. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { muxRefusal } from '@nacre/ssh/mux';
import { platform } from '../../../os/native.ts';

/**
 * A terminal; a pipe or a socket; a file; a device; or nothing that could be read or written in the direction asked for.
 */
export type PassedKind = 'terminal' | 'stream' | 'file' | 'device' | 'closed';

/** Linux: a descriptor that only names a file. */
const O_PATH = 0o10_000_000;
const accessModes = constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR;

/** Holds the descriptor as it came until the session is over; one that is of no use is closed at once. */
export class PassedStream {
  readonly fd: number;
  readonly kind: PassedKind;
  readonly #mode: number;
  readonly #flags: number | undefined;
  #isOpen = true;

  /** @param direction - what it is for: a client may do here no more with it than it could itself. */
  constructor(fd: number, direction: 'read' | 'write') {
    this.fd = fd;
    this.#mode = direction === 'read' ? constants.O_RDONLY : constants.O_WRONLY;
    this.#flags = flagsOf(fd);
    this.kind = this.#allows() ? kindOf(fd) : 'closed';
    if (this.kind === 'closed') this.close();
  }

  /**
   * A stream of Node's on a descriptor of its own, which is non-blocking from then on; terminals and streams only.
   *
   * @throws where it is a kind of socket that has no stream of bytes, or no descriptor is left.
   */
  openForNode<Stream extends object>(open: (fd: number) => Stream): Stream {
    const fd = (this.kind === 'stream' ? this.#reopen() : undefined) ?? platform().cloneDescriptor(this.fd);
    let isTaken = false;
    try {
      const stream = open(fd);
      // libuv opens terminals anew, and leaves what it was given to us.
      isTaken = (stream as { _handle?: { fd?: number } })._handle?.fd === fd;
      return stream;
    } finally {
      if (!isTaken) closeSync(fd);
    }
  }

  /**
   * The system stops whoever reads his own terminal in the background: at the first key everybody's sessions would stand still.
   *
   * @throws SshError `request-refused` for such a terminal.
   */
  requireReadable(): void {
    if (this.kind !== 'terminal' || !platform().isInBackgroundOf(this.fd)) return;
    throw muxRefusal('the master is in the background of this terminal and cannot read it');
  }

  /** So that nothing waits for a device, not even a thread. */
  makeNonBlocking(): void {
    platform().setDescriptorFlags(this.fd, (this.#flags ?? 0) | constants.O_NONBLOCK);
  }

  /** Gives the open file its flags back: the client and its shell go on using it. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      const flags = this.#flags;
      if (flags !== undefined && flagsOf(this.fd) !== flags) platform().setDescriptorFlags(this.fd, flags);
    } finally {
      closeSync(this.fd);
    }
  }

  #allows(): boolean {
    const flags = this.#flags;
    if (flags === undefined || (process.platform === 'linux' && (flags & O_PATH) !== 0)) return false;
    const access = flags & accessModes;
    return access === this.#mode || access === constants.O_RDWR;
  }

  /**
   * The same pipe, opened anew: being non-blocking is a thing of the open file, and others who write to the client's stderr
   * would lose their lines. Sockets cannot be opened, nor the pipes of other users, nor anything in this way on macOS.
   */
  #reopen(): number | undefined {
    if (process.platform !== 'linux') return undefined;
    try {
      return openSync(`/proc/self/fd/${this.fd}`, this.#mode | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch {
      return undefined;
    }
  }
}

function flagsOf(fd: number): number | undefined {
  try {
    return platform().getDescriptorFlags(fd);
  } catch {
    return undefined;
  }
}

function leadsBack(fd: number): boolean {
  try {
    return platform().getPeerProcessId(fd) === process.pid;
  } catch {
    // No Unix socket, or none that is connected.
    return false;
  }
}

function kindOf(fd: number): PassedKind {
  if (isatty(fd)) return 'terminal';
  const found = fstatSync(fd);
  // A client's own end of a control socket would never be seen to close, once we held it.
  if (found.isSocket()) return leadsBack(fd) ? 'closed' : 'stream';
  if (found.isFIFO()) return 'stream';
  if (found.isFile() || found.isBlockDevice()) return 'file';
  // A folder, or a thing of the kernel's such as an epoll or a timer, has no bytes to give.
  return found.isCharacterDevice() ? 'device' : 'closed';
}
