/** RMDIR (draft §6.6). */
import * as messages from '../../messages.ts';
import { changesNames } from '../access.ts';
import { done, messageRequest, unsupported } from './request.ts';

export const rmdir = messageRequest(
  'rmdir',
  messages.rmdir,
  ({ path }, session, id) => {
    session.log('debug3', `request ${id}: rmdir`);
    session.logPaths('info', (name) => `rmdir name ${name}`, path);
    const name = session.path(path);
    const { files } = session;
    if (files.removeDirectory === undefined) return unsupported;
    return { access: changesNames, run: () => done(files.removeDirectory?.(name)) };
  },
  { changes: true },
);
