/** SETSTAT (draft §6.9): attributes of what a path leads to. */
import * as messages from '../../messages.ts';
import { changesAttributes } from '../access.ts';
import { done, messageRequest, unsupported } from './request.ts';
import { settable } from './set-attributes.ts';

export const setstat = messageRequest(
  'setstat',
  messages.setstat,
  ({ path, attributes }, session, id) => {
    session.logPaths('debug1', (name) => `request ${id}: setstat name ${name}`, path);
    const name = session.path(path);
    const { files } = session;
    if (files.setStat === undefined) return unsupported;
    const wanted = settable(path, attributes, session);
    return { access: changesAttributes, run: () => done(files.setStat?.(name, wanted)) };
  },
  { changes: true },
);
