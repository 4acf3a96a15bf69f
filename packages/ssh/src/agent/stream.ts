/** The byte stream that an agent connection runs over, as far as the agent code needs to know it. */

/** A socket, a pipe or a channel; every Node Duplex stream is one. */
export interface AgentStream {
  /** False where the stream holds enough and says `drain` when it has room again. */
  write(bytes: Uint8Array): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end' | 'close' | 'drain', listener: () => void): unknown;
  /** Closes both directions. */
  destroy(): unknown;
}
