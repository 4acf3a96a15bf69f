/** check-file (draft-ietf-secsh-filexfer-extensions-00 §3): digests of a file that the server makes. */
import { declareStructure, type Field, fields } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';

const { rest, string, uint32, uint64 } = fields;

const request = declareStructure('check-file', {
  handle: string,
  algorithms: fields.nameList,
  offset: uint64,
  /** 0: to the end of the file. */
  length: uint64,
  /** 0: one digest of it all. */
  blockBytes: uint32,
});

/** The digest's name. The draft has the request's name before it; some servers leave that out. */
const algorithm: Field<string> = {
  read(reader, field) {
    const first = reader.ascii(field);
    return first.startsWith('check-file') ? reader.ascii(field) : first;
  },
  write: (writer, value) => void writer.string('check-file').string(value),
};

const reply = declareStructure('check-file reply', { algorithm, digest: rest });

/** What a check-file request holds. */
export interface CheckFile {
  readonly handle: Buffer;
  readonly algorithms: readonly string[];
  readonly offset: bigint;
  readonly length: bigint;
  readonly blockBytes: number;
}

type CheckFileExtension = SftpExtension<CheckFile, { readonly algorithm: string; readonly digest: Buffer }>;

/** Servers announce `check-file` with a list of digests in place of a version. */
export const checkFile: CheckFileExtension = { name: 'check-file', version: undefined, request, reply };
/** The draft's name of the request; some servers take the short one instead. */
export const checkFileHandle: CheckFileExtension = { ...checkFile, name: 'check-file-handle' };
