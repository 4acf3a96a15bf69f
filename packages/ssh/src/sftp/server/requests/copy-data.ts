/** copy-data (draft-ietf-secsh-filexfer-extensions-00 §7): bytes from one open file to another, without the way to the client. */
import { copyData as extension } from '../../extensions/copy-data.ts';
import { statusCodes } from '../../status.ts';
import { fileAccess } from '../access.ts';
import { fileError } from '../failure.ts';
import type { OpenFile } from '../handles.ts';
import { extensionRequest, failure } from './request.ts';

const blockBytes = 256 * 1024;
const largest = BigInt(Number.MAX_SAFE_INTEGER);

export const copyData = extensionRequest(
  'copy-data',
  extension,
  ({ readHandle, readOffset, length, writeHandle, writeOffset }, session, id) => {
    const [from, to] = [session.file(readHandle), session.file(writeHandle)];
    session.logPaths(
      'debug1',
      (source, target) =>
        `request ${id}: copy-data from ${source} (handle ${readHandle.toString('hex')}) off ${readOffset} len ${length} ` +
        `to ${target} (handle ${writeHandle.toString('hex')}) off ${writeOffset}`,
      from?.path ?? Buffer.alloc(0),
      to?.path ?? Buffer.alloc(0),
    );
    // A file copied onto itself would grow for as long as there is room on the disk (OpenSSH 10.4).
    if (from === undefined || to === undefined || from.key === to.key || from.path.equals(to.path)) return failure;
    if (readOffset > largest || length > largest || writeOffset + length > largest) return failure;
    const work = { from, to, readOffset: Number(readOffset), writeOffset: Number(writeOffset) };
    return {
      access: [fileAccess(from.key, false), fileAccess(to.key, true)],
      run: () => copy(work, length === 0n ? undefined : Number(length), () => session.isEnded),
    };
  },
  { changes: true },
);

interface Copy {
  readonly from: OpenFile;
  readonly to: OpenFile;
  readonly readOffset: number;
  readonly writeOffset: number;
}

/** @param length - undefined for everything up to the end. */
async function copy(
  { from, to, readOffset, writeOffset }: Copy,
  length: number | undefined,
  isGivenUp: () => boolean,
): Promise<number> {
  const { read } = from.handle;
  const { write } = to.handle;
  if (read === undefined || write === undefined) throw fileError('EBADF');
  const block = Buffer.allocUnsafeSlow(blockBytes);
  let copied = 0;
  while (length === undefined || copied < length) {
    // The client has gone: nobody would ever stop a copy of terabytes.
    if (isGivenUp()) return failure;
    const wanted = Math.min(blockBytes, length === undefined ? blockBytes : length - copied);
    const count = await read.call(from.handle, block.subarray(0, wanted), readOffset + copied);
    if (count === 0) return length === undefined ? statusCodes.ok : statusCodes.eof;
    from.bytesRead += count;
    await write.call(to.handle, block.subarray(0, count), writeOffset + copied);
    to.bytesWritten += count;
    copied += count;
    // Other clients of the process get their turn, also where the file system answers at once.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return statusCodes.ok;
}
