/** fsync@openssh.com (PROTOCOL): what was written is on the disk when the answer comes. */
import { fsync as extension } from '../../extensions/fsync.ts';
import { statusCodes } from '../../status.ts';
import { fileAccess } from '../access.ts';
import { done, extensionRequest, unsupported } from './request.ts';

export const fsync = extensionRequest(
  'fsync',
  extension,
  ({ handle }, session, id) => {
    session.log('debug3', `request ${id}: fsync (handle ${handle.toString('hex')})`);
    const file = session.file(handle);
    if (file === undefined) return statusCodes.noSuchFile;
    session.logPaths('verbose', (name) => `fsync ${name}`, file.path);
    const { handle: open } = file;
    if (open.sync === undefined) return unsupported;
    return { access: fileAccess(file.key, true), run: () => done(open.sync?.()) };
  },
  { changes: true },
);
