/** users-groups-by-id@openssh.com (PROTOCOL): names of users and groups; an empty one where there is none. */
import { maxSftpIdLookups } from '../../../limits.ts';
import { usersGroupsById as extension } from '../../extensions/users-groups-by-id.ts';
import { nothing } from '../access.ts';
import { fileError } from '../failure.ts';
import type { Awaitable } from '../file-system.ts';
import { extendedReply } from '../reply.ts';
import { extensionRequest, unsupported } from './request.ts';

export const usersGroupsById = extensionRequest('users-groups-by-id', extension, ({ users, groups }, session) => {
  if (users.length > maxSftpIdLookups || groups.length > maxSftpIdLookups) throw fileError('EINVAL');
  const { accounts } = session.options;
  session.log('verbose', `users-groups-by-id: ${users.length} users, ${groups.length} groups`);
  return {
    access: nothing,
    run: async () => {
      const names = {
        users: await namesOf(users, (uid) => accounts?.user(uid)),
        groups: await namesOf(groups, (gid) => accounts?.group(gid)),
      };
      const reply = extension.reply?.encode(names);
      return reply === undefined ? unsupported : extendedReply(reply);
    },
  };
});

async function namesOf(ids: readonly number[], find: (id: number) => Awaitable<string | undefined>): Promise<Buffer[]> {
  const names: Buffer[] = [];
  for (const id of ids) names.push(Buffer.from((await find(id)) ?? ''));
  return names;
}
