/** The messages of RFC 4254, numbers 80 to 100, and a faster path for the three that carry bulk data. */

import { protocolError, type SshError } from '../errors.ts';
import { declareMessage, fields } from '../wire/index.ts';

const { boolean, name, rest, string, uint32 } = fields;

export const globalRequest = declareMessage('GLOBAL_REQUEST', 80, { request: name, wantReply: boolean, data: rest });
export const requestSuccess = declareMessage('REQUEST_SUCCESS', 81, { data: rest });
export const requestFailure = declareMessage('REQUEST_FAILURE', 82, {});
export const channelOpen = declareMessage('CHANNEL_OPEN', 90, {
  type: name,
  sender: uint32,
  windowBytes: uint32,
  maxPacketBytes: uint32,
  data: rest,
});
export const channelOpenConfirmation = declareMessage('CHANNEL_OPEN_CONFIRMATION', 91, {
  recipient: uint32,
  sender: uint32,
  windowBytes: uint32,
  maxPacketBytes: uint32,
  data: rest,
});
/** The description is free text of the peer's: kept as bytes, so that a wrong encoding does not cost the connection. */
export const channelOpenFailure = declareMessage('CHANNEL_OPEN_FAILURE', 92, {
  recipient: uint32,
  reason: uint32,
  description: string,
  language: string,
});
export const channelWindowAdjust = declareMessage('CHANNEL_WINDOW_ADJUST', 93, { recipient: uint32, bytes: uint32 });
export const channelData = declareMessage('CHANNEL_DATA', 94, { recipient: uint32, data: string });
export const channelExtendedData = declareMessage('CHANNEL_EXTENDED_DATA', 95, {
  recipient: uint32,
  dataType: uint32,
  data: string,
});
export const channelEof = declareMessage('CHANNEL_EOF', 96, { recipient: uint32 });
export const channelClose = declareMessage('CHANNEL_CLOSE', 97, { recipient: uint32 });
export const channelRequest = declareMessage('CHANNEL_REQUEST', 98, {
  recipient: uint32,
  type: name,
  wantReply: boolean,
  data: rest,
});
export const channelSuccess = declareMessage('CHANNEL_SUCCESS', 99, { recipient: uint32 });
export const channelFailure = declareMessage('CHANNEL_FAILURE', 100, { recipient: uint32 });

/** Every message of this layer, by number. */
export const connectionMessages = [
  globalRequest,
  requestSuccess,
  requestFailure,
  channelOpen,
  channelOpenConfirmation,
  channelOpenFailure,
  channelWindowAdjust,
  channelData,
  channelExtendedData,
  channelEof,
  channelClose,
  channelRequest,
  channelSuccess,
  channelFailure,
] as const;

/** SSH_OPEN_ reason codes of CHANNEL_OPEN_FAILURE (RFC 4254 §5.1). */
export const openFailureReasons = {
  administrativelyProhibited: 1,
  connectFailed: 2,
  unknownChannelType: 3,
  resourceShortage: 4,
} as const;

/** SSH_EXTENDED_DATA_STDERR (RFC 4254 §5.2), the only type of extended data there is. */
export const stderrDataType = 1;

/** Bytes of CHANNEL_DATA before its data: number, recipient, length. */
export const dataHeadBytes = 9;
/** Bytes of CHANNEL_EXTENDED_DATA before its data: number, recipient, data type, length. */
export const extendedDataHeadBytes = 13;
export const windowAdjustBytes = 9;

/** Writes what stands before the data of a CHANNEL_DATA into `head`. */
export function writeDataHead(head: Buffer, recipient: number, byteCount: number): void {
  head[0] = 94;
  head.writeUInt32BE(recipient, 1);
  head.writeUInt32BE(byteCount, 5);
}

/** Writes what stands before the data of a CHANNEL_EXTENDED_DATA of type stderr into `head`. */
export function writeExtendedDataHead(head: Buffer, recipient: number, byteCount: number): void {
  head[0] = 95;
  head.writeUInt32BE(recipient, 1);
  head.writeUInt32BE(stderrDataType, 5);
  head.writeUInt32BE(byteCount, 9);
}

/** Writes a whole CHANNEL_WINDOW_ADJUST into `message`. */
export function writeWindowAdjust(message: Buffer, recipient: number, bytes: number): void {
  message[0] = 93;
  message.writeUInt32BE(recipient, 1);
  message.writeUInt32BE(bytes, 5);
}

/** The recipient of a channel message (91 to 100), which stands at the same place in all of them. */
export function readRecipient(payload: Buffer): number {
  if (payload.length < 5) throw cutMessage(payload, 5);
  return payload.readUInt32BE(1);
}

/** The data of a CHANNEL_DATA: a view of the payload. The length must match the payload exactly. */
export function readData(payload: Buffer): Buffer {
  return readLastString(payload, dataHeadBytes);
}

/** The data type of a CHANNEL_EXTENDED_DATA; call readExtendedData as well, which checks the rest. */
export function readExtendedDataType(payload: Buffer): number {
  if (payload.length < extendedDataHeadBytes) throw cutMessage(payload, extendedDataHeadBytes);
  return payload.readUInt32BE(5);
}

/** The data of a CHANNEL_EXTENDED_DATA: a view of the payload. */
export function readExtendedData(payload: Buffer): Buffer {
  return readLastString(payload, extendedDataHeadBytes);
}

/** The bytes that a CHANNEL_WINDOW_ADJUST adds. */
export function readWindowAdjust(payload: Buffer): number {
  if (payload.length !== windowAdjustBytes) throw cutMessage(payload, windowAdjustBytes);
  return payload.readUInt32BE(5);
}

function readLastString(payload: Buffer, headBytes: number): Buffer {
  if (payload.length < headBytes) throw cutMessage(payload, headBytes);
  const length = payload.readUInt32BE(headBytes - 4);
  if (length !== payload.length - headBytes) {
    throw badMessage(
      `message ${payload[0]}: data claims ${length} bytes where the message holds ${payload.length - headBytes}`,
    );
  }
  return payload.subarray(headBytes);
}

function cutMessage(payload: Buffer, neededBytes: number): SshError {
  return badMessage(`message ${payload[0]} takes ${neededBytes} bytes, got ${payload.length}`);
}

function badMessage(detail: string): SshError {
  return protocolError('channel', detail, { code: 'bad-message' });
}
