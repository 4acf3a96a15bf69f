/** FSETSTAT (draft §6.9): attributes of an open file. */
import * as messages from '../../messages.ts';
import { fileAccess } from '../access.ts';
import { done, failure, messageRequest, unsupported } from './request.ts';
import { settable } from './set-attributes.ts';

export const fsetstat = messageRequest(
  'fsetstat',
  messages.fsetstat,
  ({ handle, attributes }, session, id) => {
    session.log('debug1', `request ${id}: fsetstat handle ${handle.toString('hex')}`);
    const file = session.file(handle);
    if (file === undefined) return failure;
    const { handle: open } = file;
    if (open.setStat === undefined) return unsupported;
    const wanted = settable(file.path, attributes, session);
    return { access: fileAccess(file.key, true), run: () => done(open.setStat?.(wanted)) };
  },
  { changes: true },
);
