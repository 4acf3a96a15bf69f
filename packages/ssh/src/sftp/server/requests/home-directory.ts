/** home-directory (draft-ietf-secsh-filexfer-extensions-00 §5): a person's home; of no name, the start directory. */
import { homeDirectory as extension } from '../../extensions/home-directory.ts';
import { nothing } from '../access.ts';
import { nameReply } from '../reply.ts';
import type { ServerSession } from '../session.ts';
import { extensionRequest, failure } from './request.ts';

export const homeDirectory = extensionRequest('home-directory', extension, ({ user }, session, id) => {
  const name = session.path(user);
  session.logPaths('debug3', (text) => `request ${id}: home-directory ${text}`, name);
  return {
    access: nothing,
    run: async () => {
      const home = name.length === 0 ? await session.files.realPath(Buffer.from('.')) : await homeOf(name, session);
      if (home === undefined) return failure;
      session.logPaths('verbose', (text) => `home-directory ${text}`, home);
      return nameReply(home);
    },
  };
});

/** The home of a person; undefined where nobody bears the name. */
export async function homeOf(user: Buffer, session: ServerSession): Promise<Buffer | undefined> {
  const home = await session.options.accounts?.home?.(user.toString('utf8'));
  return home === undefined ? undefined : Buffer.from(home);
}
