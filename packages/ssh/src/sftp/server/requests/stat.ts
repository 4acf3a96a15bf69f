/** STAT (draft §6.8): attributes of what a path leads to. */
import * as messages from '../../messages.ts';
import { readsAttributes } from '../access.ts';
import { whenThere } from '../awaitable.ts';
import { attributesReply } from '../reply.ts';
import { messageRequest } from './request.ts';

export const stat = messageRequest('stat', messages.stat, ({ path }, session, id) => {
  session.log('debug3', `request ${id}: stat`);
  session.logPaths('verbose', (name) => `stat name ${name}`, path);
  const name = session.path(path);
  return { access: readsAttributes, run: () => whenThere(session.files.stat(name), attributesReply) };
});
