/** SYMLINK (draft §6.10), its arguments in OpenSSH's order: the target first. */
import * as messages from '../../messages.ts';
import { changesNames } from '../access.ts';
import { done, messageRequest, unsupported } from './request.ts';

export const symlink = messageRequest(
  'symlink',
  messages.symlink,
  ({ target, linkPath }, session, id) => {
    session.log('debug3', `request ${id}: symlink`);
    session.logPaths('info', (from, to) => `symlink old ${from} new ${to}`, target, linkPath);
    const [from, to] = [session.path(target), session.path(linkPath)];
    const { files } = session;
    if (files.symlink === undefined) return unsupported;
    return { access: changesNames, run: () => done(files.symlink?.(from, to)) };
  },
  { changes: true },
);
