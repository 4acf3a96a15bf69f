/** The byte stream that a conversation runs over, as far as this folder needs to know it. */

/** A channel's stream, or a program's pipes; every Node Duplex stream is one. */
export interface ScpStream {
  /** False where the stream holds enough and says `drain` when it has room again. */
  write(bytes: Uint8Array): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end' | 'close' | 'drain', listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
  /** Says that no more is written. */
  end(): unknown;
  /** Closes both directions. */
  destroy(): unknown;
}
