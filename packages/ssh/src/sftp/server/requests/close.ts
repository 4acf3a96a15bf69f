/** CLOSE (draft §6.3): the handle is no more, whatever closing the file says. */
import * as messages from '../../messages.ts';
import { statusCodes } from '../../status.ts';
import { fileAccess } from '../access.ts';
import { done, messageRequest } from './request.ts';

export const close = messageRequest('close', messages.close, ({ handle }, session, id) => {
  session.log('debug3', `request ${id}: close handle ${handle.toString('hex')}`);
  // Taken out at once: a request that comes behind it finds no such handle, one that came before still has its file.
  const opened = session.handles.take(handle);
  if (opened === undefined) return statusCodes.noSuchFile;
  return {
    access: fileAccess(opened.kind === 'file' ? opened.key : opened, true),
    run: () => {
      session.logClose(opened);
      return done(opened.handle.close());
    },
  };
});
