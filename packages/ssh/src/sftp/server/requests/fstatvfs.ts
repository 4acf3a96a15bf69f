/** fstatvfs@openssh.com (PROTOCOL): the file system that an open file is on. */
import { fstatvfs as extension } from '../../extensions/fstatvfs.ts';
import { fileAccess } from '../access.ts';
import { fileSystemReply } from './file-system-reply.ts';
import { extensionRequest, failure, unsupported } from './request.ts';

export const fstatvfs = extensionRequest(
  'fstatvfs',
  extension,
  ({ handle }, session, id) => {
    const file = session.file(handle);
    if (file === undefined) return failure;
    session.logPaths(
      'debug1',
      (name) => `request ${id}: fstatvfs ${name} (handle ${handle.toString('hex')})`,
      file.path,
    );
    const { handle: open } = file;
    if (open.statFileSystem === undefined) return unsupported;
    const statFileSystem = open.statFileSystem.bind(open);
    return { access: fileAccess(file.key, false), run: async () => fileSystemReply(await statFileSystem()) };
  },
  { isServed: (files) => files.statFileSystem !== undefined },
);
