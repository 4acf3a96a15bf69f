/** The C library calls that Linux and macOS share, bound through koffi. */
import { constants as fsConstants } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { SshError } from '@nacre/ssh/errors';
import type { Account, Koffi, WindowSize } from './platform.ts';

/** Where a platform's numbers and structures differ. */
export interface LibcVariant {
  /** Field names and C types of struct passwd, in order; `name uid gid gecos home shell` must be among them. */
  readonly passwd: Record<string, string>;
  readonly fdCloexec: number;
  readonly getFlags: number;
  readonly setFlags: number;
  readonly setFdFlags: number;
  readonly nonBlocking: number;
  /** fcntl's commands for the size of a pipe, where there are such. */
  readonly pipeSize?: { readonly get: number; readonly set: number };
  readonly getWindowSize: number;
  readonly setWindowSize: number;
  /** IP_TOS and IPV6_TCLASS; their levels are the protocols' numbers everywhere. */
  readonly typeOfService: number;
  readonly trafficClass: number;
}

const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;

/** A password entry may be this large in all; glibc suggests 1 KiB, directory services send longer ones. */
const maxAccountBytes = 1024 * 1024;
/** More groups than any kernel allows a process (Linux: 65536). */
const maxGroups = 65536;
/** The name of a pseudo-terminal. */
const maxPathBytes = 1024;

export type Libc = ReturnType<typeof bindLibc>;

/** Binds the shared calls; `variant` holds what differs. */
export function bindLibc(koffi: Koffi, variant: LibcVariant) {
  const lib = koffi.load(null);
  const passwd = koffi.struct('nacre_passwd', variant.passwd);
  const passwdPointer = koffi.pointer(passwd);
  const resultPointer = koffi.out(koffi.pointer('void *'));
  const getpwnam = lib.func('getpwnam_r', 'int', ['str', koffi.out(passwdPointer), 'void *', 'size_t', resultPointer]);
  const getpwuid = lib.func('getpwuid_r', 'int', [
    'uint32_t',
    koffi.out(passwdPointer),
    'void *',
    'size_t',
    resultPointer,
  ]);
  const getgrouplist = lib.func('int getgrouplist(const char *name, uint32_t gid, void *groups, _Inout_ int *count)');
  const posixOpenpt = lib.func('int posix_openpt(int flags)');
  const grantpt = lib.func('int grantpt(int fd)');
  const pipe = lib.func('int pipe(void *ends)');
  const dup2 = lib.func('int dup2(int from, int to)');
  const getpgrp = lib.func('int getpgrp()');
  const getsid = lib.func('int getsid(int pid)');
  const tcgetpgrp = lib.func('int tcgetpgrp(int fd)');
  const tcgetsid = lib.func('int tcgetsid(int fd)');
  const setsid = lib.func('int setsid()');
  const unlockpt = lib.func('int unlockpt(int fd)');
  const ptsname = lib.func('int ptsname_r(int fd, void *name, size_t size)');
  const fcntl = lib.func('int fcntl(int fd, int command, ...)');
  const ioctl = lib.func('int ioctl(int fd, unsigned long request, ...)');

  function systemError(call: string, number = koffi.errno()): SshError {
    return new SshError(`${call} failed: ${errorName(number)}`, { code: 'unsupported', stage: 'usage' });
  }

  function control(fd: number, request: number, name: string, argument: Buffer): void {
    if (ioctl(fd, request, 'void *', argument) === -1) throw systemError(name);
  }

  function closeOnExec(fd: number): void {
    if (fcntl(fd, variant.setFdFlags, 'int', variant.fdCloexec) === -1) throw systemError('fcntl');
  }

  return {
    lib,
    systemError,
    control,
    closeOnExec,
    flagCommands: { get: variant.getFlags, set: variant.setFlags },

    getAccount(key: string | number): Account | undefined {
      // A NUL would end the name early in C: another account's entry must not answer for it.
      if (typeof key === 'string' && (key === '' || key.includes('\0'))) return undefined;
      for (let size = 4096; size <= maxAccountBytes; size *= 4) {
        const entry: Record<string, string | number | null> = {};
        const found: [unknown] = [null];
        const buffer = Buffer.alloc(size);
        const status =
          typeof key === 'string'
            ? getpwnam(key, entry, buffer, size, found)
            : getpwuid(key, entry, buffer, size, found);
        if (status === osConstants.errno.ERANGE) continue;
        if (status !== 0 || found[0] === null) return undefined;
        return {
          name: String(entry.name),
          uid: Number(entry.uid),
          gid: Number(entry.gid),
          home: String(entry.home ?? ''),
          shell: entry.shell ? String(entry.shell) : '/bin/sh',
          gecos: String(entry.gecos ?? ''),
        };
      }
      return undefined;
    },

    getGroups(name: string, gid: number): number[] {
      for (let room = 64; room <= maxGroups; room *= 4) {
        const groups = Buffer.alloc(room * 4);
        const count: [number] = [room];
        if (getgrouplist(name, gid, groups, count) === -1) continue;
        return Array.from({ length: count[0] }, (_, i) => groups.readUInt32LE(i * 4));
      }
      throw new SshError(`"${name}" is in more than ${maxGroups} groups`, { code: 'limit-exceeded', stage: 'auth' });
    },

    openMaster(): { fd: number; slavePath: string } {
      const fd: number = posixOpenpt(fsConstants.O_RDWR | fsConstants.O_NOCTTY);
      if (fd === -1) throw systemError('posix_openpt');
      // Node starts children with fork and exec: without this every session would hold every other one's master.
      if (fcntl(fd, variant.setFdFlags, 'int', variant.fdCloexec) === -1) throw systemError('fcntl');
      const flags: number = fcntl(fd, variant.getFlags, 'int', 0);
      if (fcntl(fd, variant.setFlags, 'int', flags | variant.nonBlocking) === -1) throw systemError('fcntl');
      if (grantpt(fd) === -1) throw systemError('grantpt');
      if (unlockpt(fd) === -1) throw systemError('unlockpt');
      const name = Buffer.alloc(maxPathBytes);
      const status: number = ptsname(fd, name, name.length);
      if (status !== 0) throw systemError('ptsname_r', status);
      return { fd, slavePath: name.toString('utf8', 0, name.indexOf(0)) };
    },

    openPipe(): { readFd: number; writeFd: number } {
      const ends = Buffer.alloc(8);
      if (pipe(ends) === -1) throw systemError('pipe');
      const [readFd, writeFd] = [ends.readInt32LE(0), ends.readInt32LE(4)];
      // Nobody else forks between the two calls: Node starts children from this thread only.
      for (const fd of [readFd, writeFd]) {
        if (fcntl(fd, variant.setFdFlags, 'int', variant.fdCloexec) === -1) throw systemError('fcntl');
      }
      return { readFd, writeFd };
    },

    duplicate(from: number, to: number): void {
      if (dup2(from, to) === -1) throw systemError('dup2');
    },

    startSession(): void {
      if (setsid() === -1) throw systemError('setsid');
    },

    isInBackgroundOf(fd: number): boolean {
      // The session first: anybody is told of the group where it is the other end of a pseudo-terminal.
      return tcgetsid(fd) === getsid(0) && tcgetpgrp(fd) !== getpgrp();
    },

    growPipe(fd: number, byteCount: number): void {
      const { pipeSize } = variant;
      if (pipeSize === undefined || fcntl(fd, pipeSize.get, 'int', 0) >= byteCount) return;
      // A user's share of pipe memory may be used up: then it stays as it is.
      fcntl(fd, pipeSize.set, 'int', byteCount);
    },

    setTypeOfService(fd: number, family: 4 | 6, value: number): void {
      const setsockopt = lib.func('int setsockopt(int fd, int level, int name, void *value, uint32_t size)');
      const [level, name] = family === 6 ? [IPPROTO_IPV6, variant.trafficClass] : [IPPROTO_IP, variant.typeOfService];
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      if (setsockopt(fd, level, name, bytes, bytes.length) === -1) throw systemError('setsockopt');
    },

    getWindowSize(fd: number): WindowSize {
      const size = Buffer.alloc(8);
      control(fd, variant.getWindowSize, 'TIOCGWINSZ', size);
      return {
        rows: size.readUInt16LE(0),
        columns: size.readUInt16LE(2),
        widthPixels: size.readUInt16LE(4),
        heightPixels: size.readUInt16LE(6),
      };
    },

    setWindowSize(fd: number, size: WindowSize): void {
      const bytes = Buffer.alloc(8);
      // The peer sends uint32; the kernel has 16 bits.
      const fields = [size.rows, size.columns, size.widthPixels, size.heightPixels];
      for (const [i, field] of fields.entries()) bytes.writeUInt16LE(Math.max(0, Math.min(field, 0xffff)), i * 2);
      control(fd, variant.setWindowSize, 'TIOCSWINSZ', bytes);
    },
  };
}

function errorName(number: number): string {
  try {
    return getSystemErrorName(-number);
  } catch {
    return `error ${number}`;
  }
}
