/** READLINK (draft §6.10): where a link leads, as it stands there. */
import * as messages from '../../messages.ts';
import { readsNames } from '../access.ts';
import { nameReply } from '../reply.ts';
import { messageRequest, unsupported } from './request.ts';

export const readlink = messageRequest('readlink', messages.readlink, ({ path }, session, id) => {
  session.log('debug3', `request ${id}: readlink`);
  session.logPaths('verbose', (name) => `readlink ${name}`, path);
  const name = session.path(path);
  const { files } = session;
  if (files.readLink === undefined) return unsupported;
  const readLink = files.readLink.bind(files);
  return { access: readsNames, run: async () => nameReply(await readLink(name)) };
});
