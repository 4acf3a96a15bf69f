/** statvfs@openssh.com (PROTOCOL): the file system that a path is on. */
import { statvfs as extension } from '../../extensions/statvfs.ts';
import { readsNames } from '../access.ts';
import { fileSystemReply } from './file-system-reply.ts';
import { extensionRequest, unsupported } from './request.ts';

export const statvfs = extensionRequest(
  'statvfs',
  extension,
  ({ path }, session, id) => {
    session.log('debug3', `request ${id}: statvfs`);
    session.logPaths('info', (name) => `statvfs ${name}`, path);
    const name = session.path(path);
    const { files } = session;
    if (files.statFileSystem === undefined) return unsupported;
    const statFileSystem = files.statFileSystem.bind(files);
    return { access: readsNames, run: async () => fileSystemReply(await statFileSystem(name)) };
  },
  { isServed: (files) => files.statFileSystem !== undefined },
);
