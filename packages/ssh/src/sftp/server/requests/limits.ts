/** limits@openssh.com (PROTOCOL): how large messages, reads and writes may be, and how many handles. */
import { maxSftpDataBytes, maxSftpMessageBytes } from '../../../limits.ts';
import { limits as extension } from '../../extensions/limits.ts';
import { nothing } from '../access.ts';
import { extendedReply } from '../reply.ts';
import { extensionRequest, unsupported } from './request.ts';

export const limits = extensionRequest('limits', extension, (_fields, session, id) => {
  session.log('debug1', `request ${id}: limits`);
  const reply = extension.reply?.encode({
    packetBytes: BigInt(maxSftpMessageBytes),
    readBytes: BigInt(maxSftpDataBytes),
    writeBytes: BigInt(maxSftpDataBytes),
    openHandles: BigInt(session.maxHandles),
  });
  return { access: nothing, run: () => (reply === undefined ? unsupported : extendedReply(reply)) };
});
