/** Locks that exclude those of other programs, which Node has not. */
import { constants } from 'node:os';
import { loadKoffi } from './native.ts';

/** asm-generic/fcntl.h. Such a lock belongs to the open file: closing another descriptor of the same file does not give it back. */
const F_OFD_SETLK = 37;
const F_WRLCK = 1;
/** struct flock: type, whence, start, length, process; all zeros mean the whole file. */
const flockBytes = 32;

type Fcntl = (fd: number, command: number, type: string, argument: Buffer) => number;
let fcntl: { call: Fcntl; errno: () => number } | undefined;

/**
 * Locks a whole file for writing, without waiting; closing the descriptor gives the lock back. Linux only.
 *
 * @returns false while another process holds a lock.
 * @throws Error where files cannot be locked.
 */
export function tryLockFile(fd: number): boolean {
  if (fcntl === undefined) {
    const koffi = loadKoffi();
    const call = koffi.load(null).func('int fcntl(int fd, int command, ...)') as unknown as Fcntl;
    fcntl = { call, errno: () => koffi.errno() };
  }
  const lock = Buffer.alloc(flockBytes);
  lock.writeInt16LE(F_WRLCK, 0);
  if (fcntl.call(fd, F_OFD_SETLK, 'void *', lock) !== -1) return true;
  const error = fcntl.errno();
  if (error === constants.errno.EAGAIN || error === constants.errno.EACCES) return false;
  throw new Error(`the file cannot be locked: error ${error}`);
}
