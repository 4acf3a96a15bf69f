/** A descriptor that a client passed, to be read or written here without harm to whoever else has the same open file. */
import { close, closeSync, constants, fstat, openSync, readlinkSync, type Stats } from 'node:fs';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { muxRefusal } from '@nacre/ssh/mux';
import { platform } from '../../../os/native.ts';

/** Who reads and writes it: Node's streams, a thread, or nobody, since nothing can be had of it in the direction asked for. */
export type PassedKind = 'terminal' | 'stream' | 'file' | 'device' | 'closed';

/** Linux: a descriptor that only names a file. */
const O_PATH = 0o10_000_000;
const accessModes = constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR;

/**
 * Takes descriptors over, all of one client together: whatever is said of their open files is read before any of it is changed.
 *
 * @param directions - what each is for: a client may do here no more with it than it could itself.
 */
export function takeStreams(fds: readonly number[], directions: readonly Direction[]): Promise<PassedStream[]> {
  return Promise.all(directions.map((direction, index) => PassedStream.take(fds[index] as number, direction)));
}

type Direction = 'read' | 'write';

/** Holds the descriptor as it came until the session is over; one that is of no use is closed at once. */
export class PassedStream {
  readonly fd: number;
  readonly kind: PassedKind;
  /** Whether it has modes and a size. */
  readonly isTerminal: boolean;
  readonly #mode: number;
  readonly #flags: number | undefined;
  #isOpen = true;

  private constructor(fd: number, mode: number, flags: number | undefined, stats: Stats | undefined) {
    this.fd = fd;
    this.#mode = mode;
    this.#flags = flags;
    this.isTerminal = stats?.isCharacterDevice() === true && isatty(fd);
    this.kind = stats === undefined ? 'closed' : kindOf(fd, stats, this.isTerminal);
    if (this.kind === 'closed') this.close();
  }

  static async take(fd: number, direction: Direction): Promise<PassedStream> {
    const mode = direction === 'read' ? constants.O_RDONLY : constants.O_WRONLY;
    const flags = flagsOf(fd);
    // By a thread: a file may lie on a host that has gone.
    const stats = allows(flags, mode) ? await promisify(fstat)(fd).catch(() => undefined) : undefined;
    return new PassedStream(fd, mode, flags, stats);
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
    if (!this.isTerminal || !platform().isInBackgroundOf(this.fd)) return;
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
    } catch {
      // It can be neither read nor changed any more.
    }
    platform().stopLingering(this.fd);
    // By a thread: a file may have something to flush.
    close(this.fd, () => {});
  }

  /**
   * The same pipe, opened anew: being non-blocking is a thing of the open file, and others who write to the client's stderr
   * would lose their lines. Sockets cannot be opened, nor the pipes of other users, nor anything in this way on macOS; a pipe
   * with a name may lie on a file system that keeps us waiting.
   */
  #reopen(): number | undefined {
    if (process.platform !== 'linux') return undefined;
    const link = `/proc/self/fd/${this.fd}`;
    try {
      if (!readlinkSync(link).startsWith('pipe:')) return undefined;
      return openSync(link, this.#mode | constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
  }
}

function allows(flags: number | undefined, mode: number): boolean {
  if (flags === undefined || (process.platform === 'linux' && (flags & O_PATH) !== 0)) return false;
  const access = flags & accessModes;
  return access === mode || access === constants.O_RDWR;
}

function flagsOf(fd: number): number | undefined {
  try {
    return platform().getDescriptorFlags(fd);
  } catch {
    return undefined;
  }
}

function kindOf(fd: number, stats: Stats, isTerminal: boolean): PassedKind {
  if (isTerminal && opensAtOnce(stats.rdev)) return 'terminal';
  // A client's own end of a control socket would never be seen to close, once we held it.
  if (stats.isSocket()) return leadsBack(fd) ? 'closed' : 'stream';
  if (stats.isFIFO()) return 'stream';
  if (stats.isFile() || stats.isBlockDevice()) return 'file';
  // A folder, or a thing of the kernel's such as an epoll or a timer, has no bytes to give.
  return stats.isCharacterDevice() ? 'device' : 'closed';
}

/** libuv opens a terminal anew, and a serial line may wait for its carrier: on Linux, pseudo-terminals and consoles do not. */
function opensAtOnce(device: number): boolean {
  if (process.platform !== 'linux') return true;
  const [major, minor] = [(device >> 8) & 0xfff, device & 0xff];
  return (major >= 136 && major <= 143) || (major === 4 && minor < 64);
}

function leadsBack(fd: number): boolean {
  try {
    return platform().getPeerProcessId(fd) === process.pid;
  } catch {
    // No Unix socket, or none that is connected.
    return false;
  }
}
