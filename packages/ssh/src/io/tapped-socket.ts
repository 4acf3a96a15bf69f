/** Sockets whose bytes can be had where they were read, before they become chunks of a stream. */
import { connect, type IpcNetConnectOpts, Socket, type TcpNetConnectOpts } from 'node:net';
import { isForcedOff } from '../fast-paths.ts';
import { readBuffer } from './read-buffer.ts';

/** Where a socket's bytes go. Whoever joins it may change that between two reads. */
export interface Tap {
  /** Told of bytes before they go into the stream. */
  watch?: ((byteCount: number) => void) | undefined;
  /** What to read into from the next read on, in place of the buffer that all sockets of the process share. */
  buffer?: Buffer;
  /**
   * Takes what was read into `buffer`, in place of the stream. True: all of it was used, and the buffer may be read into again; false:
   * once the socket resumes; undefined: it is to go into the stream after all.
   */
  take?: (chunk: Buffer) => boolean | undefined;
}

const taps = new WeakMap<object, Tap>();
const isOff = isForcedOff('NACRE_ONREAD');
/** Below this a copy comes from Node's pool; above it stands alone, so that it can be given back alone. */
const smallBytes = 4096;

/** The tap of a socket that was made here. */
export function tapOf(stream: object): Tap | undefined {
  return taps.get(stream);
}

/** As `connect` of node:net. The socket is like any other until somebody uses its tap. */
export function connectTapped(options: TcpNetConnectOpts | IpcNetConnectOpts): Socket {
  if (isOff) return connect(options);
  const { onread, bind } = makeTap();
  return bind(connect({ ...options, onread } as TcpNetConnectOpts));
}

/** What a server needs whose sockets go through `tapAccepted`. */
export const tappedServer = { pauseOnConnect: !isOff } as const;

/** The same of a socket that a server accepted with the options above. */
export function tapAccepted(accepted: Socket): Socket {
  // Documented for net.connect only; node's own constructor takes it in all versions.
  const handle = (accepted as unknown as { _handle?: object | null })._handle;
  if (isOff || handle === undefined || handle === null) return accepted;
  const { onread, bind } = makeTap();
  const socket = bind(new Socket({ handle, allowHalfOpen: true, onread } as ConstructorParameters<typeof Socket>[0]));
  // The server counts the one that it made.
  socket.once('close', () => accepted.destroy());
  return socket;
}

function makeTap() {
  const tap: Tap = {};
  const shared = readBuffer();
  let socket: Socket | undefined;
  const onread = {
    buffer: () => tap.buffer ?? shared,
    callback(byteCount: number, buffer: Uint8Array): boolean {
      const chunk = buffer.subarray(0, byteCount) as Buffer;
      const isTaken = buffer === tap.buffer ? tap.take?.(chunk) : undefined;
      if (isTaken !== undefined) return isTaken;
      tap.watch?.(byteCount);
      return socket?.push(copyOf(chunk)) ?? true;
    },
  };
  const bind = (made: Socket): Socket => {
    socket = made;
    taps.set(made, tap);
    return made;
  };
  return { onread, bind };
}

function copyOf(chunk: Buffer): Buffer {
  if (chunk.length < smallBytes) return Buffer.from(chunk);
  const own = Buffer.allocUnsafeSlow(chunk.length);
  own.set(chunk);
  return own;
}
