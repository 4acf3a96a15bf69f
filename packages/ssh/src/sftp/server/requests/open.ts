/** OPEN (draft §6.3): a handle for a file. */

import * as messages from '../../messages.ts';
import { statusCodes } from '../../status.ts';
import { changesAttributes, readsAttributes } from '../access.ts';
import { whenThere } from '../awaitable.ts';
import type { FileHandle } from '../file-system.ts';
import { formatOpenFlags } from '../log.ts';
import { type Answer, handleReply } from '../reply.ts';
import { ReplyOrder } from '../reply-order.ts';
import { messageRequest } from './request.ts';

const { openFlags } = messages;
/** Access and effects that a read-only session refuses; OpenSSH's server looks at the same ones. */
const changing = openFlags.write | openFlags.create | openFlags.truncate;

export const open = messageRequest('open', messages.open, ({ path, flags, attributes }, session, id) => {
  const mode = attributes.mode ?? 0o666;
  session.log('debug3', `request ${id}: open flags ${flags}`);
  session.logPaths('info', (name) => `open ${name} flags ${formatOpenFlags(flags)} mode 0${mode.toString(8)}`, path);
  if (session.options.readOnly && flags & changing) {
    session.log('verbose', 'Refusing open request in read-only mode');
    return statusCodes.permissionDenied;
  }
  const name = Buffer.from(session.path(path));
  const write = (flags & openFlags.write) !== 0;
  const request = {
    // Neither of the two is reading, as open(2) has it.
    read: (flags & openFlags.read) !== 0 || !write,
    write,
    append: (flags & openFlags.append) !== 0,
    create: (flags & openFlags.create) !== 0,
    truncate: (flags & openFlags.truncate) !== 0,
    exclusive: (flags & openFlags.exclusive) !== 0,
    mode: session.newMode(mode),
  };
  const opened = (handle: FileHandle) => ({
    ...{ kind: 'file' as const, path: name, handle, append: request.append, bytesRead: 0, bytesWritten: 0 },
    ...{ key: handle.identity ?? handle, writeReplies: new ReplyOrder<Answer>() },
  });
  return {
    access: flags & (openFlags.create | openFlags.truncate) ? changesAttributes : readsAttributes,
    run: () =>
      whenThere(
        session.handles.add(() => whenThere(session.files.open(name, request), opened)),
        (number) => {
          session.log('debug1', `request ${id}: sent handle ${number}`);
          return handleReply(number);
        },
      ),
  };
});
