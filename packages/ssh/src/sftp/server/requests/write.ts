/** WRITE (draft §6.4): bytes into a file, all of them or an error. */
import { printable } from '../../../wire/index.ts';
import * as messages from '../../messages.ts';
import { readingSftp } from '../../sftp-error.ts';
import { statusCodes } from '../../status.ts';
import { fileAccess } from '../access.ts';
import { describeFailure } from '../failure.ts';
import type { OpenFile } from '../handles.ts';
import { decodeWrite } from '../hot-messages.ts';
import type { Answer } from '../reply.ts';
import type { ServerSession } from '../session.ts';
import { failure, type Prepared, type ServerRequest } from './request.ts';

export const write: ServerRequest = {
  ...{ name: 'write', number: messages.write.number, extension: undefined, changes: true },
  isServed: () => true,
  prepare(body, session, id) {
    const { handle, offset, data } = readingSftp(() => decodeWrite(body));
    const file = session.file(handle);
    if (session.logs('debug1')) {
      const name = file === undefined ? '' : printable(file.path, 'one');
      const number = handle.toString('hex');
      session.log('debug1', `request ${id}: write "${name}" (handle ${number}) off ${offset} len ${data.length}`);
    }
    return file === undefined ? failure : prepareWrite(file, offset, data, session);
  },
};

function prepareWrite(file: OpenFile, offset: number, data: Buffer, session: ServerSession): Prepared | Answer {
  if (!file.append) {
    // As lseek(2) and write(2) would answer: no offset at all, and a file too large.
    if (offset >= 2 ** 63) return statusCodes.badMessage;
    if (offset > Number.MAX_SAFE_INTEGER - data.length) return failure;
  }
  const finish = () => {
    file.bytesWritten += data.length;
    return statusCodes.ok;
  };
  return {
    access: file.append
      ? fileAccess(file.key, true)
      : fileAccess(file.key, true, offset, offset + Math.max(data.length, 1)),
    bytes: data.length,
    order: file.writeReplies,
    run: () => {
      if (file.handle.write === undefined) return statusCodes.noSuchFile;
      try {
        const written = file.handle.write(data, offset);
        return written === undefined ? finish() : written.then(finish, (error) => fail(error, file, session));
      } catch (error) {
        return fail(error, file, session);
      }
    },
  };
}

function fail(error: unknown, file: OpenFile, session: ServerSession): never {
  session.logPaths('error', (name) => `write ${name}: ${describeFailure(error)}`, file.path.subarray(0, 100));
  throw error;
}
