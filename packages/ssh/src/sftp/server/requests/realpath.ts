/** REALPATH (draft §6.11): the absolute path without links and dots. */
import * as messages from '../../messages.ts';
import { readsNames } from '../access.ts';
import { nameReply } from '../reply.ts';
import { messageRequest } from './request.ts';

export const realpath = messageRequest('realpath', messages.realpath, ({ path }, session, id) => {
  const name = path.length === 0 ? Buffer.from('.') : session.path(path);
  session.log('debug3', `request ${id}: realpath`);
  session.logPaths('verbose', (text) => `realpath ${text}`, name);
  return { access: readsNames, run: async () => nameReply(await session.files.realPath(name)) };
});
