/** The replies of a server, each a frame that is made when the request's number is put in. */
import type { FileAttributes } from '../attributes.ts';
import { encodeFrame } from '../frames.ts';
import * as messages from '../messages.ts';
import { statusCodes } from '../status.ts';

/** Makes the frame for a request's number. */
export type Reply = (id: number) => Buffer;

/** A reply, or a status: a number, with words of its own where the usual ones do not do. */
export type Answer = Reply | number | { readonly status: number; readonly text: string };

/** OpenSSH's words; clients show them to people, and some look at them. */
const statusTexts: Readonly<Record<number, string>> = {
  [statusCodes.ok]: 'Success',
  [statusCodes.eof]: 'End of file',
  [statusCodes.noSuchFile]: 'No such file',
  [statusCodes.permissionDenied]: 'Permission denied',
  [statusCodes.failure]: 'Failure',
  [statusCodes.badMessage]: 'Bad message',
  [statusCodes.noConnection]: 'No connection',
  [statusCodes.connectionLost]: 'Connection lost',
  [statusCodes.unsupported]: 'Operation unsupported',
};

const nothing = Buffer.alloc(0);

export function statusText(code: number): string {
  return statusTexts[code] ?? 'Unknown error';
}

/** @param text - other words than the usual ones; undefined for clients of before version 3, which take none. */
export function encodeStatus(id: number, code: number, text: string | undefined = statusText(code)): Buffer {
  return encodeFrame(messages.status.encode({ id, code, message: Buffer.from(text), language: nothing }));
}

/** The status of clients that speak a version before 3: a number alone. */
export function encodeBareStatus(id: number, code: number): Buffer {
  return encodeFrame(messages.status.encode({ id, code }));
}

export function handleReply(handle: number): Reply {
  return (id) => encodeFrame(messages.handle.encode({ id, handle: encodeHandle(handle) }));
}

export function attributesReply(attributes: FileAttributes): Reply {
  return (id) => encodeFrame(messages.attrs.encode({ id, attributes: toWireAttributes(attributes) }));
}

export function namesReply(names: readonly messages.NameEntry[]): Reply {
  return (id) => encodeFrame(messages.names.encode({ id, names }));
}

/** One name without attributes: the answer of realpath and its kin. */
export function nameReply(name: Buffer): Reply {
  return namesReply([{ name, longName: name, attributes: {} }]);
}

export function extendedReply(data: Buffer): Reply {
  return (id) => encodeFrame(messages.extendedReply.encode({ id, data }));
}

/** Numbers as the wire can hold them: times of before 1970 or after 2106 are cut as OpenSSH cuts them. */
export function toWireAttributes({ size, owner, mode, times }: FileAttributes): FileAttributes {
  return {
    ...(size !== undefined && { size }),
    ...(owner !== undefined && { owner: { uid: owner.uid >>> 0, gid: owner.gid >>> 0 } }),
    ...(mode !== undefined && { mode: mode >>> 0 }),
    ...(times !== undefined && { times: { accessed: times.accessed >>> 0, modified: times.modified >>> 0 } }),
  };
}

function encodeHandle(number: number): Buffer {
  const handle = Buffer.allocUnsafe(4);
  handle.writeUInt32BE(number, 0);
  return handle;
}
