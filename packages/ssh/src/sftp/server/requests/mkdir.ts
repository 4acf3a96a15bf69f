/** MKDIR (draft §6.6). */
import * as messages from '../../messages.ts';
import { changesNames } from '../access.ts';
import { done, messageRequest, unsupported } from './request.ts';

export const mkdir = messageRequest(
  'mkdir',
  messages.mkdir,
  ({ path, attributes }, session, id) => {
    const mode = (attributes.mode ?? 0o777) & 0o7777;
    session.log('debug3', `request ${id}: mkdir`);
    session.logPaths('info', (name) => `mkdir name ${name} mode 0${mode.toString(8)}`, path);
    const name = session.path(path);
    const { files } = session;
    if (files.makeDirectory === undefined) return unsupported;
    return { access: changesNames, run: () => done(files.makeDirectory?.(name, session.newMode(mode))) };
  },
  { changes: true },
);
