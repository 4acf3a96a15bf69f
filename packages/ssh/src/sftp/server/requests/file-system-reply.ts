/** The answer of statvfs and fstatvfs. */
import type { FileSystemStatus } from '../../extensions/statvfs.ts';
import { statvfs } from '../../extensions/statvfs.ts';
import { extendedReply, type Reply } from '../reply.ts';

export function fileSystemReply(status: FileSystemStatus): Reply {
  return extendedReply(statvfs.reply?.encode(status) ?? Buffer.alloc(0));
}
