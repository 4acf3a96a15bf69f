/** FSTAT (draft §6.8): attributes of an open file. */
import * as messages from '../../messages.ts';
import { fileAccess } from '../access.ts';
import { whenThere } from '../awaitable.ts';
import { attributesReply } from '../reply.ts';
import { failure, messageRequest } from './request.ts';

export const fstat = messageRequest('fstat', messages.fstat, ({ handle }, session, id) => {
  const file = session.file(handle);
  if (file === undefined) return failure;
  session.logPaths('debug1', (name) => `request ${id}: fstat ${name} (handle ${handle.toString('hex')})`, file.path);
  return { access: fileAccess(file.key, false), run: () => whenThere(file.handle.stat(), attributesReply) };
});
