/** Files of this machine for scp, by paths of bytes: names that are no UTF-8 survive. */
import { constants, type Stats } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, readdir, realpath, stat, utimes } from 'node:fs/promises';
import { SshError, type SshErrorCode } from '../errors.ts';
import type {
  ScpSinkFile,
  ScpSinkFiles,
  ScpSourceFile,
  ScpSourceFiles,
  ScpSourceFolder,
  ScpSourceItem,
  ScpTimes,
} from '../scp/index.ts';

/** Both sides of scp over the file system. Errors give the reason as the system words it, such as `No such file or directory`. */
export const localScpFiles: ScpSourceFiles & ScpSinkFiles = {
  async open(path): Promise<ScpSourceItem> {
    // Without waiting: a FIFO that nobody writes to would hold us for ever.
    const handle = await plainly(open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)));
    try {
      const facts = await plainly(handle.stat());
      const shared = { mode: facts.mode & 0o7777, times: timesOf(facts), close: () => plainly(handle.close()) };
      if (facts.isFile()) return { ...shared, kind: 'file', ...readerOf(handle, facts.size) };
      if (facts.isDirectory()) return { ...shared, kind: 'folder', ...folderOf(path, facts) };
      return { ...shared, kind: 'other' };
    } catch (error) {
      await handle.close().catch(() => {});
      throw error;
    }
  },
  async look(path) {
    const facts = await ifThere(stat(path));
    if (facts === undefined) return undefined;
    return facts.isFile() ? 'file' : facts.isDirectory() ? 'folder' : 'other';
  },
  async followLink(path) {
    const facts = await ifThere(lstat(path));
    return facts?.isSymbolicLink() ? plainly(realpath(path, { encoding: 'buffer' })) : undefined;
  },
  realPath: (path) => plainly(realpath(path, { encoding: 'buffer' })),
  makeFolder: async (path, mode) => {
    requireName(path);
    await plainly(mkdir(path, mode));
  },
  async create(path, mode): Promise<ScpSinkFile> {
    requireName(path);
    return writerOf(await plainly(open(path, constants.O_WRONLY | constants.O_CREAT, mode)));
  },
  getMode: async (path) => (await plainly(stat(path))).mode & 0o7777,
  setMode: (path, mode) => plainly(chmod(path, mode)),
  setTimes: (path, { accessed, modified }) => plainly(utimes(path, accessed, modified)),
};

function readerOf(handle: FileHandle, size: number): Pick<ScpSourceFile, 'size' | 'read'> {
  return {
    size,
    async read(byteCount) {
      const buffer = Buffer.allocUnsafeSlow(byteCount);
      const { bytesRead } = await plainly(handle.read(buffer, 0, byteCount, null));
      return bytesRead === byteCount ? buffer : buffer.subarray(0, bytesRead);
    },
  };
}

function folderOf(path: Buffer, { dev, ino }: Stats): Pick<ScpSourceFolder, 'identity' | 'names'> {
  return {
    identity: ino === 0 ? undefined : `${dev}:${ino}`,
    names: () => plainly(readdir(path, { encoding: 'buffer' })),
  };
}

function writerOf(handle: FileHandle): ScpSinkFile {
  let closing: Promise<void> | undefined;
  return {
    write: (chunks) => plainly(writeAll(handle, chunks)),
    truncate: (size) => plainly(handle.truncate(size)),
    getMode: async () => (await plainly(handle.stat())).mode & 0o7777,
    setMode: (mode) => plainly(handle.chmod(mode)),
    setTimes: ({ accessed, modified }) => plainly(handle.utimes(accessed, modified)),
    close: () => {
      closing ??= plainly(handle.close());
      return closing;
    },
  };
}

/** Without positions, so that devices and FIFOs take it too. The system may take less than it was given. */
async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let left: readonly Uint8Array[] = chunks;
  while (left.length > 0) {
    let { bytesWritten } = await handle.writev(left as Uint8Array[]);
    let done = 0;
    for (const chunk of left) {
      if (bytesWritten < chunk.length) break;
      bytesWritten -= chunk.length;
      done++;
    }
    const first = left[done];
    left = first === undefined ? [] : [first.subarray(bytesWritten), ...left.slice(done + 1)];
  }
}

function timesOf({ mtimeMs, atimeMs }: Stats): ScpTimes {
  return { modified: mtimeMs / 1000, accessed: atimeMs / 1000 };
}

/** Windows takes more characters for separators than the slash that the protocol knows. */
function requireName(path: Buffer): void {
  if (process.platform !== 'win32') return;
  const name = path.toString('utf8').split('/').at(-1) ?? '';
  if (/[\\:<>"|?*]/.test(name)) throw new SshError('Not a file name here', { code: 'unsupported', stage: 'scp' });
}

async function ifThere<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw plainError(error);
  }
}

async function plainly<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw plainError(error);
  }
}

const codes: Readonly<Record<string, SshErrorCode>> = {
  ENOENT: 'no-such-file',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
};

/** `ENOENT: no such file or directory, open '…'` as every program words it, without the path. */
function plainError(error: unknown): SshError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const reason = /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;
  const words = reason.charAt(0).toUpperCase() + reason.slice(1);
  return new SshError(words, { code: codes[code] ?? 'operation-failed', stage: 'scp', cause: error });
}
