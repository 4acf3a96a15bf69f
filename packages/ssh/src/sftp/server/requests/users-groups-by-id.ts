/** users-groups-by-id@openssh.com (PROTOCOL): names of users and groups; an empty one where there is none. */
import { maxSftpIdLookups } from '../../../limits.ts';
import { declareStructure, fields, WireReader, WireWriter } from '../../../wire/index.ts';
import { nothing } from '../access.ts';
import { fileError } from '../failure.ts';
import type { Awaitable } from '../file-system.ts';
import { extendedReply } from '../reply.ts';
import { extensionRequest } from './request.ts';

const { string } = fields;
const extension = {
  name: 'users-groups-by-id@openssh.com',
  version: '1',
  request: declareStructure('users-groups-by-id', { uids: string, gids: string }),
};
const reply = declareStructure('users-groups-by-id reply', { users: string, groups: string });

export const usersGroupsById = extensionRequest('users-groups-by-id', extension, ({ uids, gids }, session) => {
  const { accounts } = session.options;
  const [users, groups] = [readIds(uids), readIds(gids)];
  session.log('verbose', `users-groups-by-id: ${users.length} users, ${groups.length} groups`);
  return {
    access: nothing,
    run: async () =>
      extendedReply(
        reply.encode({
          users: await namesOf(users, (uid) => accounts?.user(uid)),
          groups: await namesOf(groups, (gid) => accounts?.group(gid)),
        }),
      ),
  };
});

function readIds(bytes: Buffer): number[] {
  if (bytes.length % 4 !== 0 || bytes.length / 4 > maxSftpIdLookups) throw fileError('EINVAL');
  const reader = new WireReader(bytes, 'ids');
  const ids: number[] = [];
  while (reader.remaining > 0) ids.push(reader.uint32());
  return ids;
}

async function namesOf(ids: readonly number[], find: (id: number) => Awaitable<string | undefined>): Promise<Buffer> {
  const writer = new WireWriter();
  for (const id of ids) writer.string((await find(id)) ?? '');
  return writer.finish();
}
