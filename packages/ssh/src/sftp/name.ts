/** Names and paths: bytes on the wire, text where they are UTF-8. */
import { asBuffer } from '../wire/index.ts';
import { sftpError } from './sftp-error.ts';

/** A path as a caller gives it: text is sent as UTF-8, bytes as they are. */
export type SftpPath = string | Uint8Array;

/** A name or a path as a server gives it. */
export interface SftpName {
  readonly bytes: Buffer;
  /** The same as text; undefined where it is no valid UTF-8, and would not lead back to the file. */
  readonly text: string | undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function toName(bytes: Buffer): SftpName {
  return { bytes, text: decode(bytes) };
}

/** The bytes to send. A NUL would end the path for a server written in C: another file than the one that was named. */
export function toPathBytes(path: SftpPath): Buffer {
  const bytes = typeof path === 'string' ? Buffer.from(path, 'utf8') : asBuffer(path);
  if (bytes.includes(0)) throw sftpError('misuse', 'a path cannot hold a NUL byte');
  return bytes;
}

function decode(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
