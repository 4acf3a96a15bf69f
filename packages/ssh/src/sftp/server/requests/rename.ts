/** RENAME (draft §6.5): a name that is taken is refused. */
import * as messages from '../../messages.ts';
import { changesNames } from '../access.ts';
import { done, messageRequest, unsupported } from './request.ts';

export const rename = messageRequest(
  'rename',
  messages.rename,
  ({ oldPath, newPath }, session, id) => {
    session.log('debug3', `request ${id}: rename`);
    session.logPaths('info', (from, to) => `rename old ${from} new ${to}`, oldPath, newPath);
    const [from, to] = [session.path(oldPath), session.path(newPath)];
    const { files } = session;
    if (files.rename === undefined) return unsupported;
    return { access: changesNames, run: () => done(files.rename?.(from, to, { replace: false })) };
  },
  { changes: true },
);
