/** File attributes (draft-ietf-secsh-filexfer-02 §5): a set of flags says which of them are there. */
import { maxSftpExtensions } from '../limits.ts';
import type { Field, WireReader, WireWriter } from '../wire/index.ts';
import { badSftp } from './sftp-error.ts';

/** What is known of a file, or what is to be set; everything may be absent. */
export interface FileAttributes {
  /** Bytes. Sizes beyond 2^53 - 1 read as that number. */
  readonly size?: number;
  /** Owner and group go together. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Mode bits, with the file's type among them (`0o100644`) where the server tells it. */
  readonly mode?: number;
  /** Seconds since 1970; the two go together. */
  readonly times?: { readonly accessed: number; readonly modified: number };
  readonly extended?: readonly ExtendedAttribute[];
}

export interface ExtendedAttribute {
  readonly type: Buffer;
  readonly data: Buffer;
}

export type FileType = 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket';

const flags = { size: 0x1, owner: 0x2, mode: 0x4, times: 0x8, extended: 0x8000_0000 } as const;

const typesByMode: ReadonlyMap<number, FileType> = new Map([
  [0o010000, 'fifo'],
  [0o020000, 'character'],
  [0o040000, 'directory'],
  [0o060000, 'block'],
  [0o100000, 'file'],
  [0o120000, 'symlink'],
  [0o140000, 'socket'],
]);

/** The type of file that the mode tells; undefined where it tells none. */
export function fileType({ mode }: FileAttributes): FileType | undefined {
  return mode === undefined ? undefined : typesByMode.get(mode & 0o170000);
}

/** The field type of attributes inside a message. */
export const attributesField = {
  read(reader: WireReader): FileAttributes {
    // A listing has thousands of these: names of fields are no texts that are put together each time.
    const bits = reader.uint32('attributes flags');
    // Bits of later versions are passed over as OpenSSH does; fields that come with them leave the message too long.
    const attributes: { -readonly [K in keyof FileAttributes]: FileAttributes[K] } = {};
    if (bits & flags.size) attributes.size = reader.safeUint64('attributes size');
    if (bits & flags.owner) {
      attributes.owner = { uid: reader.uint32('attributes uid'), gid: reader.uint32('attributes gid') };
    }
    if (bits & flags.mode) attributes.mode = reader.uint32('attributes permissions');
    if (bits & flags.times) {
      attributes.times = { accessed: reader.uint32('attributes atime'), modified: reader.uint32('attributes mtime') };
    }
    if (bits & flags.extended) {
      const count = reader.uint32('attributes extended count');
      if (count > maxSftpExtensions) {
        throw badSftp(`attributes list ${count} extensions, at most ${maxSftpExtensions} are read`, {
          code: 'limit-exceeded',
        });
      }
      attributes.extended = Array.from({ length: count }, () => ({ type: reader.string(), data: reader.string() }));
    }
    return attributes;
  },
  write(writer: WireWriter, { size, owner, mode, times, extended }: FileAttributes): void {
    const bits =
      (size === undefined ? 0 : flags.size) |
      (owner === undefined ? 0 : flags.owner) |
      (mode === undefined ? 0 : flags.mode) |
      (times === undefined ? 0 : flags.times) |
      (extended === undefined ? 0 : flags.extended);
    writer.uint32(bits >>> 0);
    if (size !== undefined) writer.uint64(BigInt(size));
    if (owner !== undefined) writer.uint32(owner.uid).uint32(owner.gid);
    if (mode !== undefined) writer.uint32(mode);
    if (times !== undefined) writer.uint32(times.accessed).uint32(times.modified);
    if (extended === undefined) return;
    writer.uint32(extended.length);
    for (const { type, data } of extended) writer.string(type).string(data);
  },
} satisfies Field<FileAttributes>;
