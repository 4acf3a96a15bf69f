/** The byte stream that an sftp session runs over, as far as this folder needs to know it. */

/** A channel's stream, or a program's pipes; every Node Duplex stream is one. */
export interface SftpStream {
  /** False where the stream holds enough and says `drain` when it has room again. */
  write(bytes: Uint8Array): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end' | 'close' | 'drain', listener: () => void): unknown;
  /** Closes both directions. */
  destroy(): unknown;
  /** Takes back a chunk that came by `data` and of which nothing is held any more: its memory may be freed. */
  release?(chunk: Buffer): void;
}
