/**
 * READ, WRITE and DATA by hand: a large file is made of nothing else. A test holds them equal to the declared messages.
 */
import { maxSftpMessageBytes } from '../limits.ts';
import { badSftp, sftpError } from './sftp-error.ts';

/** A frame's length, the message's number and the request's, and the length of the handle. */
const commonHeadBytes = 4 + 1 + 4 + 4;
/** A DATA message before its bytes: number, request, length. */
const dataHeadBytes = 1 + 4 + 4;

/** The frame of a READ. */
export function encodeRead(id: number, handle: Uint8Array, position: number, byteCount: number): Buffer {
  const frame = Buffer.allocUnsafe(commonHeadBytes + handle.length + 12);
  const at = writeCommonHead(frame, frame.length - 4, 5, id, handle);
  writePosition(frame, position, at);
  frame.writeUInt32BE(byteCount, at + 8);
  return frame;
}

/** How many bytes of a WRITE's frame stand before its data. */
export function writeHeadBytes(handle: Uint8Array): number {
  return commonHeadBytes + handle.length + 12;
}

/** Fills in what stands before the data of a WRITE. */
export function writeHead(frame: Buffer, id: number, handle: Uint8Array, position: number, dataBytes: number): void {
  const messageBytes = writeHeadBytes(handle) - 4 + dataBytes;
  if (messageBytes > maxSftpMessageBytes) {
    throw sftpError(
      'limit-exceeded',
      `an sftp message of ${messageBytes} bytes, 1 to ${maxSftpMessageBytes} are allowed`,
    );
  }
  const at = writeCommonHead(frame, messageBytes, 6, id, handle);
  writePosition(frame, position, at);
  frame.writeUInt32BE(dataBytes, at + 8);
}

/** The bytes of a DATA message, as a view of it. */
export function decodeData(message: Buffer): Buffer {
  if (message.length < dataHeadBytes || message.readUInt32BE(5) !== message.length - dataHeadBytes) {
    throw badSftp(`SSH_FXP_DATA: ${message.length} bytes do not hold data of the length that they name`);
  }
  return message.subarray(dataHeadBytes);
}

function writeCommonHead(frame: Buffer, messageBytes: number, number: number, id: number, handle: Uint8Array): number {
  frame.writeUInt32BE(messageBytes, 0);
  frame[4] = number;
  frame.writeUInt32BE(id, 5);
  frame.writeUInt32BE(handle.length, 9);
  frame.set(handle, commonHeadBytes);
  return commonHeadBytes + handle.length;
}

/** A uint64 of a safe integer, without a BigInt. */
function writePosition(frame: Buffer, position: number, at: number): void {
  frame.writeUInt32BE(Math.floor(position / 0x1_0000_0000), at);
  frame.writeUInt32BE(position >>> 0, at + 4);
}
