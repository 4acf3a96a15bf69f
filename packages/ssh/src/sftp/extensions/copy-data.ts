/** copy-data (draft-ietf-secsh-filexfer-extensions-00 §7): bytes of one open file into another, without leaving the server. */
import { declareStructure, fields } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';

const { string, uint64 } = fields;

const request = declareStructure('copy-data', {
  readHandle: string,
  readOffset: uint64,
  /** 0: to the end of the file. */
  length: uint64,
  writeHandle: string,
  writeOffset: uint64,
});

/** What a copy-data request holds. */
export interface CopyData {
  readonly readHandle: Buffer;
  readonly readOffset: bigint;
  /** 0: to the end of the file. */
  readonly length: bigint;
  readonly writeHandle: Buffer;
  readonly writeOffset: bigint;
}

export const copyData: SftpExtension<CopyData> = { name: 'copy-data', version: '1', request, reply: undefined };
