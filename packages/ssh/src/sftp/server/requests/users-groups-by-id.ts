/** users-groups-by-id@openssh.com (PROTOCOL): names of users and groups; an empty one where there is none. */
import { maxSftpIdLookups } from '../../../limits.ts';
import { declareStructure, type Field, fields, WireReader, WireWriter } from '../../../wire/index.ts';
import { nothing } from '../access.ts';
import { fileError } from '../failure.ts';
import type { Awaitable } from '../file-system.ts';
import { extendedReply } from '../reply.ts';
import { extensionRequest } from './request.ts';

/** Numbers one after the other, in a string. */
const ids: Field<readonly number[]> = {
  read(reader, name) {
    const inner = new WireReader(reader.string(name), name);
    const values: number[] = [];
    while (inner.remaining > 0) values.push(inner.uint32('id'));
    return values;
  },
  write(writer, values) {
    const inner = new WireWriter(4 * values.length);
    for (const value of values) inner.uint32(value);
    writer.string(inner.finish());
  },
};

const extension = {
  name: 'users-groups-by-id@openssh.com',
  version: '1',
  request: declareStructure('users-groups-by-id', { users: ids, groups: ids }),
};
const reply = declareStructure('users-groups-by-id reply', { users: fields.string, groups: fields.string });

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
      return extendedReply(reply.encode(names));
    },
  };
});

/** Names one after the other, in a string. */
async function namesOf(ids: readonly number[], find: (id: number) => Awaitable<string | undefined>): Promise<Buffer> {
  const writer = new WireWriter();
  for (const id of ids) writer.string((await find(id)) ?? '');
  return writer.finish();
}
