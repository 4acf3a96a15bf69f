/** LSTAT (draft §6.8): attributes of a link itself. */
import * as messages from '../../messages.ts';
import { readsAttributes } from '../access.ts';
import { whenThere } from '../awaitable.ts';
import { attributesReply } from '../reply.ts';
import { messageRequest } from './request.ts';

export const lstat = messageRequest('lstat', messages.lstat, ({ path }, session, id) => {
  session.log('debug3', `request ${id}: lstat`);
  session.logPaths('verbose', (name) => `lstat name ${name}`, path);
  const name = session.path(path);
  const { files } = session;
  return {
    access: readsAttributes,
    run: () => whenThere(files.lstat?.(name) ?? files.stat(name), attributesReply),
  };
});
