/** lsetstat@openssh.com (PROTOCOL): attributes of a link itself. */
import { lsetstat as extension } from '../../extensions/lsetstat.ts';
import { statusCodes } from '../../status.ts';
import { changesAttributes } from '../access.ts';
import { done, extensionRequest, unsupported } from './request.ts';
import { settable } from './set-attributes.ts';

export const lsetstat = extensionRequest(
  'lsetstat',
  extension,
  ({ path, attributes }, session, id) => {
    session.logPaths('debug1', (name) => `request ${id}: lsetstat name ${name}`, path);
    const name = session.path(path);
    const { files } = session;
    if (files.setLinkStat === undefined) return unsupported;
    // A link has no size that could be set.
    if (attributes.size !== undefined) return statusCodes.badMessage;
    const wanted = settable(path, attributes, session);
    return { access: changesAttributes, run: () => done(files.setLinkStat?.(name, wanted)) };
  },
  { changes: true, isServed: (files) => files.setLinkStat !== undefined },
);
