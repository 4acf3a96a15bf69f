/** limits@openssh.com (PROTOCOL): how large messages, reads and writes may be, and how many handles. */
import { declareStructure, fields } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';

/** 0 means that the server names no limit. */
export interface AnnouncedLimits {
  readonly packetBytes: bigint;
  readonly readBytes: bigint;
  readonly writeBytes: bigint;
  readonly openHandles: bigint;
}

const { uint64 } = fields;
const request = declareStructure('limits', {});
const reply = declareStructure('limits reply', {
  packetBytes: uint64,
  readBytes: uint64,
  writeBytes: uint64,
  openHandles: uint64,
});

export const limits: SftpExtension<Record<never, never>, AnnouncedLimits> = {
  name: 'limits@openssh.com',
  version: '1',
  request,
  reply,
};
