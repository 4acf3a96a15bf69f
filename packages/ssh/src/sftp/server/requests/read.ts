/** READ (draft §6.4): bytes of a file, put straight into the reply. */
import { maxSftpDataBytes } from '../../../limits.ts';
import { printable } from '../../../wire/index.ts';
import * as messages from '../../messages.ts';
import { readingSftp } from '../../sftp-error.ts';
import { statusCodes } from '../../status.ts';
import { fileAccess } from '../access.ts';
import { describeFailure } from '../failure.ts';
import type { OpenFile } from '../handles.ts';
import { dataHeadBytes, decodeRead, finishDataFrame } from '../hot-messages.ts';
import type { Answer } from '../reply.ts';
import type { ServerSession } from '../session.ts';
import { failure, type Prepared, type ServerRequest } from './request.ts';

export const read: ServerRequest = {
  ...{ name: 'read', number: messages.read.number, extension: undefined, changes: false },
  isServed: () => true,
  prepare(body, session, id) {
    const { handle, offset, length } = readingSftp(() => decodeRead(body));
    const file = session.file(handle);
    if (session.logs('debug1')) {
      const name = file === undefined ? '' : printable(file.path, 'one');
      const number = handle.toString('hex');
      session.log('debug1', `request ${id}: read "${name}" (handle ${number}) off ${offset} len ${length}`);
    }
    return file === undefined ? failure : prepareRead(file, offset, Math.min(length, maxSftpDataBytes), session);
  },
};

function prepareRead(file: OpenFile, offset: number, length: number, session: ServerSession): Prepared | Answer {
  // lseek(2) takes offsets below 2^63; up to there, no file has bytes beyond 2^53.
  if (offset >= 2 ** 63) return statusCodes.badMessage;
  if (offset > Number.MAX_SAFE_INTEGER - length) return statusCodes.eof;
  return {
    access: fileAccess(file.key, false, offset, offset + length),
    bytes: length,
    run: () => {
      if (file.handle.read === undefined) return statusCodes.noSuchFile;
      const frame = session.allocate(dataHeadBytes + length);
      const finish = (byteCount: number): Answer => {
        if (byteCount === 0 && length > 0) {
          // Every file that is read to its end comes by here, and the memory is of the size that the client asks for: 255 KiB.
          session.release(frame);
          return statusCodes.eof;
        }
        file.bytesRead += byteCount;
        return (id) => {
          if (session.logs('debug1')) session.log('debug1', `request ${id}: sent data len ${byteCount}`);
          return finishDataFrame(frame, id, byteCount);
        };
      };
      if (length === 0) return finish(0);
      const failed = (error: unknown) => {
        session.release(frame);
        return fail(error, file, session);
      };
      try {
        const count = file.handle.read(frame.subarray(dataHeadBytes, dataHeadBytes + length), offset);
        return typeof count === 'number' ? finish(count) : count.then(finish, failed);
      } catch (error) {
        return failed(error);
      }
    },
  };
}

function fail(error: unknown, file: OpenFile, session: ServerSession): never {
  session.logPaths('error', (name) => `read ${name}: ${describeFailure(error)}`, file.path.subarray(0, 100));
  throw error;
}
