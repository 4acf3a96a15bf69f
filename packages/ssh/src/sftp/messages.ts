/** The messages of sftp version 3 (draft-ietf-secsh-filexfer-02): numbers and fields, each declared once. */
import { maxSftpExtensions } from '../limits.ts';
import { declareMessage, type Field, fields } from '../wire/index.ts';
import { attributesField, type FileAttributes } from './attributes.ts';
import { badSftp } from './sftp-error.ts';

const { name, optional, rest, string, uint32, uint64 } = fields;

/** The one version that OpenSSH and nearly everyone else speaks. */
export const sftpVersion = 3;

/** Names and data of extensions, to the end of the message. */
const extensionPairs: Field<readonly (readonly [name: string, data: Buffer])[]> = {
  read(reader) {
    const pairs: (readonly [string, Buffer])[] = [];
    while (reader.remaining > 0) {
      if (pairs.length === maxSftpExtensions) {
        throw badSftp(`more than ${maxSftpExtensions} extensions are listed`, { code: 'limit-exceeded' });
      }
      // One character a byte: a name that is no ASCII is no name that we would look for.
      pairs.push([reader.string('extension').toString('latin1'), reader.string('extension data')]);
    }
    return pairs;
  },
  write(writer, pairs) {
    for (const [extension, data] of pairs) writer.string(Buffer.from(extension, 'latin1')).string(data);
  },
};

/** One name of a NAME message. */
export interface NameEntry {
  readonly name: Buffer;
  /** A line for people, as `ls -l` prints it. */
  readonly longName: Buffer;
  readonly attributes: FileAttributes;
}

const nameEntries: Field<readonly NameEntry[]> = {
  read(reader) {
    const count = reader.uint32('count');
    const entries: NameEntry[] = [];
    // The count allocates nothing: every entry has to be there.
    for (let at = 0; at < count; at++) {
      const entry = reader.string('name');
      entries.push({
        name: entry,
        longName: reader.string('long name'),
        attributes: attributesField.read(reader),
      });
    }
    return entries;
  },
  write(writer, entries) {
    writer.uint32(entries.length);
    for (const entry of entries) {
      writer.string(entry.name).string(entry.longName);
      attributesField.write(writer, entry.attributes);
    }
  },
};

const attributes = attributesField;
const path = string;
const handleField = string;

export const init = declareMessage('SSH_FXP_INIT', 1, { version: uint32, extensions: extensionPairs });
export const version = declareMessage('SSH_FXP_VERSION', 2, { version: uint32, extensions: extensionPairs });

// Requests.
export const open = declareMessage('SSH_FXP_OPEN', 3, { id: uint32, path, flags: uint32, attributes });
export const close = declareMessage('SSH_FXP_CLOSE', 4, { id: uint32, handle: handleField });
export const read = declareMessage('SSH_FXP_READ', 5, {
  id: uint32,
  handle: handleField,
  offset: uint64,
  length: uint32,
});
export const write = declareMessage('SSH_FXP_WRITE', 6, {
  id: uint32,
  handle: handleField,
  offset: uint64,
  data: string,
});
export const lstat = declareMessage('SSH_FXP_LSTAT', 7, { id: uint32, path });
export const fstat = declareMessage('SSH_FXP_FSTAT', 8, { id: uint32, handle: handleField });
export const setstat = declareMessage('SSH_FXP_SETSTAT', 9, { id: uint32, path, attributes });
export const fsetstat = declareMessage('SSH_FXP_FSETSTAT', 10, { id: uint32, handle: handleField, attributes });
export const opendir = declareMessage('SSH_FXP_OPENDIR', 11, { id: uint32, path });
export const readdir = declareMessage('SSH_FXP_READDIR', 12, { id: uint32, handle: handleField });
export const remove = declareMessage('SSH_FXP_REMOVE', 13, { id: uint32, path });
export const mkdir = declareMessage('SSH_FXP_MKDIR', 14, { id: uint32, path, attributes });
export const rmdir = declareMessage('SSH_FXP_RMDIR', 15, { id: uint32, path });
export const realpath = declareMessage('SSH_FXP_REALPATH', 16, { id: uint32, path });
export const stat = declareMessage('SSH_FXP_STAT', 17, { id: uint32, path });
export const rename = declareMessage('SSH_FXP_RENAME', 18, { id: uint32, oldPath: path, newPath: path });
export const readlink = declareMessage('SSH_FXP_READLINK', 19, { id: uint32, path });
/** The draft has the link first; OpenSSH has the target first, and others do as OpenSSH does (PROTOCOL). */
export const symlink = declareMessage('SSH_FXP_SYMLINK', 20, { id: uint32, target: path, linkPath: path });
export const extended = declareMessage('SSH_FXP_EXTENDED', 200, { id: uint32, request: name, data: rest });

// Replies.
/** The texts came with version 3; servers of before leave them out. */
export const status = declareMessage('SSH_FXP_STATUS', 101, {
  id: uint32,
  code: uint32,
  message: optional(string),
  language: optional(string),
});
export const handle = declareMessage('SSH_FXP_HANDLE', 102, { id: uint32, handle: handleField });
export const data = declareMessage('SSH_FXP_DATA', 103, { id: uint32, data: string });
export const names = declareMessage('SSH_FXP_NAME', 104, { id: uint32, names: nameEntries });
export const attrs = declareMessage('SSH_FXP_ATTRS', 105, { id: uint32, attributes });
export const extendedReply = declareMessage('SSH_FXP_EXTENDED_REPLY', 201, { id: uint32, data: rest });

/** Every message of the protocol, by number. */
export const sftpMessages = [
  init,
  version,
  open,
  close,
  read,
  write,
  lstat,
  fstat,
  setstat,
  fsetstat,
  opendir,
  readdir,
  remove,
  mkdir,
  rmdir,
  realpath,
  stat,
  rename,
  readlink,
  symlink,
  status,
  handle,
  data,
  names,
  attrs,
  extended,
  extendedReply,
] as const;

/** SSH_FXF_: what OPEN is to do (draft §6.3). */
export const openFlags = { read: 0x1, write: 0x2, append: 0x4, create: 0x8, truncate: 0x10, exclusive: 0x20 } as const;
