/** File descriptors that come over a Unix socket (SCM_RIGHTS), and what belongs to sharing one with another process. */
import { constants } from 'node:os';
import type { Koffi, ReceivedDescriptors } from './platform.ts';

/** Where the systems differ: numbers, and the fields of two structures. */
export interface PassingVariant {
  readonly dontWait: number;
  /** 0 where recvmsg(2) cannot set it. */
  readonly closeOnExec: number;
  readonly truncated: number;
  readonly socketLevel: number;
  /** SO_LINGER. */
  readonly linger: number;
  readonly duplicateCloseOnExec: number;
  readonly vectorLength: string;
  readonly controlLength: string;
  /** cmsghdr: the bytes of its length field, which the alignment follows. */
  readonly lengthBytes: 4 | 8;
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SCM_RIGHTS = 1;
const fdBytes = 4;
/** More than any message carries (Linux 253): nothing is ever cut off, which on macOS would leave descriptors that nobody knows. */
const controlBytes = 4096;

/** The calls that the platform has from here; bound when first used. */
export function bindPassing(koffi: Koffi, libc: PassingLibc, variant: PassingVariant) {
  let bound: ReturnType<typeof bind> | undefined;
  const calls = () => {
    bound ??= bind(koffi, libc, variant);
    return bound;
  };
  return {
    receiveDescriptors: (socketFd: number) => calls().receive(socketFd),
    sendDescriptor: (socketFd: number, fd: number) => calls().send(socketFd, fd),
    openSocketPair: () => calls().openPair(),
    stopLingering: (fd: number) => calls().stopLingering(fd),
    cloneDescriptor: (fd: number) => calls().clone(fd),
    getDescriptorFlags: (fd: number) => calls().getFlags(fd),
    setDescriptorFlags: (fd: number, flags: number) => calls().setFlags(fd, flags),
  };
}

/** What is used of the C library's binding. */
interface PassingLibc {
  readonly lib: ReturnType<Koffi['load']>;
  systemError(call: string, number?: number): Error;
  closeOnExec(fd: number): void;
  readonly flagCommands: { readonly get: number; readonly set: number };
}

function bind(koffi: Koffi, libc: PassingLibc, variant: PassingVariant) {
  const { lib, systemError } = libc;
  const vector = koffi.struct('nacre_iovec', { base: 'void *', length: 'size_t' });
  const header = koffi.struct('nacre_msghdr', {
    name: 'void *',
    nameLength: 'uint32_t',
    vector: koffi.pointer(vector),
    vectorLength: variant.vectorLength,
    control: 'void *',
    controlLength: variant.controlLength,
    flags: 'int',
  });
  const recvmsg = lib.func('recvmsg', 'long', ['int', koffi.inout(koffi.pointer(header)), 'int']);
  const sendmsg = lib.func('sendmsg', 'long', ['int', koffi.pointer(header), 'int']);
  const socketpair = lib.func('int socketpair(int domain, int type, int protocol, void *ends)');
  const setsockopt = lib.func('int setsockopt(int fd, int level, int name, void *value, uint32_t size)');
  const fcntl = lib.func('int fcntl(int fd, int command, ...)');
  const body = Buffer.alloc(1);
  const control = Buffer.alloc(controlBytes);
  const noLinger = Buffer.alloc(2 * fdBytes);
  const { errno } = constants;

  return {
    receive(socketFd: number): ReceivedDescriptors {
      for (;;) {
        const message = {
          ...{ name: null, nameLength: 0, vector: [{ base: body, length: body.length }], vectorLength: 1 },
          ...{ control, controlLength: control.length, flags: 0 },
        };
        const byteCount = Number(recvmsg(socketFd, message, variant.dontWait | variant.closeOnExec));
        if (byteCount === -1) {
          const number = koffi.errno();
          if (number === errno.EINTR) continue;
          if (number === errno.EAGAIN || number === errno.EWOULDBLOCK) return 'nothing';
          throw systemError('recvmsg', number);
        }
        const fds = readControl(control.subarray(0, Number(message.controlLength)), variant);
        if (variant.closeOnExec === 0) for (const fd of fds) libc.closeOnExec(fd);
        if (byteCount === 0 && fds.length === 0) return 'ended';
        return { fds, isWhole: (message.flags & variant.truncated) === 0 };
      }
    },

    send(socketFd: number, fd: number): void {
      const passed = writeControl(fd, variant);
      const message = {
        ...{ name: null, nameLength: 0, vector: [{ base: body, length: body.length }], vectorLength: 1 },
        ...{ control: passed, controlLength: passed.length, flags: 0 },
      };
      while (Number(sendmsg(socketFd, message, 0)) === -1) {
        const number = koffi.errno();
        if (number !== errno.EINTR) throw systemError('sendmsg', number);
      }
    },

    /** What is no socket has no such thing, which is as good. */
    stopLingering(fd: number): void {
      setsockopt(fd, variant.socketLevel, variant.linger, noLinger, noLinger.length);
    },

    openPair(): readonly [number, number] {
      const ends = Buffer.alloc(2 * fdBytes);
      if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) === -1) throw systemError('socketpair');
      const pair = [ends.readInt32LE(0), ends.readInt32LE(fdBytes)] as const;
      for (const fd of pair) libc.closeOnExec(fd);
      return pair;
    },

    clone(fd: number): number {
      const copy: number = fcntl(fd, variant.duplicateCloseOnExec, 'int', 3);
      if (copy === -1) throw systemError('fcntl');
      return copy;
    },

    getFlags(fd: number): number {
      const flags: number = fcntl(fd, libc.flagCommands.get, 'int', 0);
      if (flags === -1) throw systemError('fcntl');
      return flags;
    },

    setFlags(fd: number, flags: number): void {
      if (fcntl(fd, libc.flagCommands.set, 'int', flags) === -1) throw systemError('fcntl');
    },
  };
}

/** A control buffer with one descriptor. */
function writeControl(fd: number, { lengthBytes, socketLevel }: PassingVariant): Buffer {
  const headBytes = lengthBytes + 8;
  const control = Buffer.alloc(Math.ceil((headBytes + fdBytes) / lengthBytes) * lengthBytes);
  control.writeUInt32LE(headBytes + fdBytes, 0);
  control.writeInt32LE(socketLevel, lengthBytes);
  control.writeInt32LE(SCM_RIGHTS, lengthBytes + 4);
  control.writeInt32LE(fd, headBytes);
  return control;
}

/** Every descriptor of a control buffer, which the kernel has filled: length, level, type, and the data. */
function readControl(control: Buffer, { lengthBytes, socketLevel }: PassingVariant): number[] {
  const headBytes = lengthBytes + 8;
  const found: number[] = [];
  for (let at = 0; at + headBytes <= control.length; ) {
    const length = control.readUInt32LE(at);
    if (length < headBytes) break;
    const end = Math.min(at + length, control.length);
    const level = control.readInt32LE(at + lengthBytes);
    if (level === socketLevel && control.readInt32LE(at + lengthBytes + 4) === SCM_RIGHTS) {
      for (let each = at + headBytes; each + fdBytes <= end; each += fdBytes) found.push(control.readInt32LE(each));
    }
    at += Math.ceil(length / lengthBytes) * lengthBytes;
  }
  return found;
}
