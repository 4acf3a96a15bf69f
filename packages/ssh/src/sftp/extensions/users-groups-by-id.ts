/** users-groups-by-id@openssh.com (PROTOCOL): names of users and groups; an empty one where the server knows none. */
import { declareStructure, type Field, WireReader, WireWriter } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';

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

/** Strings one after the other, in a string. */
const names: Field<readonly Buffer[]> = {
  read(reader, name) {
    const inner = new WireReader(reader.string(name), name);
    const values: Buffer[] = [];
    while (inner.remaining > 0) values.push(inner.string('name'));
    return values;
  },
  write(writer, values) {
    const inner = new WireWriter();
    for (const value of values) inner.string(value);
    writer.string(inner.finish());
  },
};

const request = declareStructure('users-groups-by-id', { users: ids, groups: ids });
const reply = declareStructure('users-groups-by-id reply', { users: names, groups: names });

export const usersGroupsById: SftpExtension<
  { readonly users: readonly number[]; readonly groups: readonly number[] },
  { readonly users: readonly Buffer[]; readonly groups: readonly Buffer[] }
> = { name: 'users-groups-by-id@openssh.com', version: '1', request, reply };
