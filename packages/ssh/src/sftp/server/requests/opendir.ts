/** OPENDIR (draft §6.7): a handle for a listing. */
import * as messages from '../../messages.ts';
import { readsNames } from '../access.ts';
import { handleReply } from '../reply.ts';
import { messageRequest } from './request.ts';

export const opendir = messageRequest('opendir', messages.opendir, ({ path }, session, id) => {
  session.log('debug3', `request ${id}: opendir`);
  session.logPaths('info', (name) => `opendir ${name}`, path);
  const name = Buffer.from(session.path(path));
  return {
    access: readsNames,
    run: async () => {
      const number = await session.handles.add(async () => ({
        ...{ kind: 'directory' as const, path: name, left: [] },
        handle: await session.files.openDirectory(name),
      }));
      session.log('debug1', `request ${id}: sent handle ${number}`);
      return handleReply(number);
    },
  };
});
