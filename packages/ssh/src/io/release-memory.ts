/** Gives the memory of buffers back without waiting for the garbage collector. */
import { isForcedOff } from '../fast-paths.ts';

type Transferable = ArrayBufferLike & { transfer?(newLength: number): ArrayBuffer };
/** Small buffers are slices of Node's pool, or cost less than freeing them does. */
const smallestReleased = 8 * 1024;
const isOff = isForcedOff('NACRE_RELEASE');
/** What an ArrayBuffer may hold beside its chunk, for it to be the chunk's alone: the head of its packet, and padding. */
const headRoomBytes = 512;

/**
 * Frees what chunks stand on; they are empty afterwards. Only for chunks that nobody else holds: channel data that was written
 * on, sealed packets that the system has taken.
 *
 * A long stream makes a buffer a packet. Left to the collector they cost a quarter of the processor time: it runs all the
 * time, and each packet is written into memory that no cache holds. Node 20 cannot free, and goes on as before.
 */
export function releaseMemory(chunks: readonly Uint8Array[]): void {
  if (isOff) return;
  for (const chunk of chunks) {
    if (chunk.length < smallestReleased) continue;
    const memory = chunk.buffer as Transferable;
    if (memory.byteLength <= chunk.length + headRoomBytes) memory.transfer?.(0);
  }
}
