/** expand-path@openssh.com (PROTOCOL): as realpath, with `~` for the start directory and `~name` for a person's home. */
import { expandPath as extension } from '../../extensions/expand-path.ts';
import { statusCodes } from '../../status.ts';
import { readsNames } from '../access.ts';
import { nameReply } from '../reply.ts';
import { homeOf } from './home-directory.ts';
import { extensionRequest } from './request.ts';

const [tilde, slash] = [0x7e, 0x2f];

export const expandPath = extensionRequest('expand-path', extension, ({ path }, session, id) => {
  const name = session.path(path);
  session.logPaths('debug3', (text) => `request ${id}: expand, original ${text}`, name);
  const resolve = async (full: Buffer) => {
    session.logPaths('verbose', (text) => `expand ${text}`, full);
    return nameReply(await session.files.realPath(full));
  };
  return {
    access: readsNames,
    run: async () => {
      if (name.length === 0) return resolve(Buffer.from('.'));
      if (name[0] !== tilde) return resolve(name);
      const end = name.indexOf(slash);
      const user = name.subarray(1, end < 0 ? name.length : end);
      const rest = end < 0 ? Buffer.alloc(0) : name.subarray(end);
      // Nothing behind the tilde is where the session began, which is the person's home unless the server chose another.
      const home = user.length === 0 ? Buffer.from('.') : await homeOf(user, session);
      if (home === undefined) return { status: statusCodes.noSuchFile, text: 'no such user' };
      return resolve(session.path(Buffer.concat([home, rest])));
    },
  };
});
