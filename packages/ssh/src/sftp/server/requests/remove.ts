/** REMOVE (draft §6.5): a file's name goes. */
import * as messages from '../../messages.ts';
import { changesAttributes } from '../access.ts';
import { done, messageRequest, unsupported } from './request.ts';

export const remove = messageRequest(
  'remove',
  messages.remove,
  ({ path }, session, id) => {
    session.log('debug3', `request ${id}: remove`);
    session.logPaths('info', (name) => `remove name ${name}`, path);
    const name = session.path(path);
    const { files } = session;
    if (files.remove === undefined) return unsupported;
    return { access: changesAttributes, run: () => done(files.remove?.(name)) };
  },
  { changes: true },
);
