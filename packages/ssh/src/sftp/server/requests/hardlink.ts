/** hardlink@openssh.com (PROTOCOL): a second name for a file. */
import { hardlink as extension } from '../../extensions/hardlink.ts';
import { changesNames } from '../access.ts';
import { done, extensionRequest, unsupported } from './request.ts';

export const hardlink = extensionRequest(
  'hardlink',
  extension,
  ({ oldPath, newPath }, session, id) => {
    session.log('debug3', `request ${id}: hardlink`);
    session.logPaths('info', (from, to) => `hardlink old ${from} new ${to}`, oldPath, newPath);
    const [from, to] = [session.path(oldPath), session.path(newPath)];
    const { files } = session;
    if (files.link === undefined) return unsupported;
    return { access: changesNames, run: () => done(files.link?.(from, to)) };
  },
  { changes: true, isServed: (files) => files.link !== undefined },
);
