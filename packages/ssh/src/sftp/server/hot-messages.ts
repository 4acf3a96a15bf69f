/** The messages that carry the bytes, READ, WRITE and DATA, read and written by hand: the declared ones cost twice the time. */
import * as messages from '../messages.ts';

/** Fields of READ. Offsets beyond 2^53 - 1 are not exact, and only compared. */
export interface ReadFields {
  readonly id: number;
  readonly handle: Buffer;
  readonly offset: number;
  readonly length: number;
}

export interface WriteFields {
  readonly id: number;
  readonly handle: Buffer;
  readonly offset: number;
  /** A view into the message. */
  readonly data: Buffer;
}

/** Bytes of our own handles; a message with another one has another shape, and the declared decoder judges it. */
const handleBytes = 4;
const readBytes = 1 + 4 + 4 + handleBytes + 8 + 4;
const writeHeadBytes = 1 + 4 + 4 + handleBytes + 8 + 4;
const two32 = 2 ** 32;

/** @throws SshError `bad-message` as the declared decoder does. */
export function decodeRead(message: Buffer): ReadFields {
  if (message.length >= readBytes && message[0] === messages.read.number && message.readUInt32BE(5) === handleBytes) {
    return {
      id: message.readUInt32BE(1),
      handle: message.subarray(9, 13),
      offset: message.readUInt32BE(13) * two32 + message.readUInt32BE(17),
      length: message.readUInt32BE(21),
    };
  }
  const fields = messages.read.decode(message, 'ignored');
  return { ...fields, offset: Number(fields.offset) };
}

/** @throws SshError `bad-message` as the declared decoder does. */
export function decodeWrite(message: Buffer): WriteFields {
  if (
    message.length >= writeHeadBytes &&
    message[0] === messages.write.number &&
    message.readUInt32BE(5) === handleBytes &&
    message.readUInt32BE(21) <= message.length - writeHeadBytes
  ) {
    const end = writeHeadBytes + message.readUInt32BE(21);
    return {
      id: message.readUInt32BE(1),
      handle: message.subarray(9, 13),
      offset: message.readUInt32BE(13) * two32 + message.readUInt32BE(17),
      data: message.subarray(writeHeadBytes, end),
    };
  }
  const fields = messages.write.decode(message, 'ignored');
  return { ...fields, offset: Number(fields.offset) };
}

/** What stands before the bytes in a frame of DATA: length, number, id, length of the bytes. */
export const dataHeadBytes = 4 + 1 + 4 + 4;

/** Writes the head of a DATA frame whose bytes are in place already; gives the frame. */
export function finishDataFrame(frame: Buffer, id: number, byteCount: number): Buffer {
  frame.writeUInt32BE(dataHeadBytes - 4 + byteCount, 0);
  frame[4] = messages.data.number;
  frame.writeUInt32BE(id, 5);
  frame.writeUInt32BE(byteCount, 9);
  return frame.subarray(0, dataHeadBytes + byteCount);
}
