/** posix-rename@openssh.com (PROTOCOL): a rename that replaces what bears the new name. */
import { posixRename as extension } from '../../extensions/posix-rename.ts';
import { changesAttributes } from '../access.ts';
import { done, extensionRequest, unsupported } from './request.ts';

export const posixRename = extensionRequest(
  'posix-rename',
  extension,
  ({ oldPath, newPath }, session, id) => {
    session.log('debug3', `request ${id}: posix-rename`);
    session.logPaths('info', (from, to) => `posix-rename old ${from} new ${to}`, oldPath, newPath);
    const [from, to] = [session.path(oldPath), session.path(newPath)];
    const { files } = session;
    if (files.rename === undefined) return unsupported;
    return { access: changesAttributes, run: () => done(files.rename?.(from, to, { replace: true })) };
  },
  { changes: true, isServed: (files) => files.rename !== undefined },
);
