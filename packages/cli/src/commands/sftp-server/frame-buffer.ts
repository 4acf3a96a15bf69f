/** The memory that requests are read into: messages lie in it whole, however the pipe cuts them, and are never copied. */

/** The largest message that the protocol part takes; it judges longer ones. */
const maxFrameBytes = 4 + 256 * 1024;
/** A partly read message of the largest size, and room for the next reading behind it. */
const bufferBytes = 2 * maxFrameBytes;

export class FrameBuffer {
  #bytes = Buffer.allocUnsafeSlow(bufferBytes);
  /** What is there and was not given out yet: a message that is not whole. */
  #start = 0;
  #end = 0;

  /**
   * Where the next bytes go.
   *
   * @param isInUse - whether messages that were given out are still looked at.
   */
  room(isInUse: boolean): Buffer {
    // From the beginning where nothing is left: memory that the processor's cache still holds.
    const isMoved = this.#start === this.#end || this.#bytes.length - this.#end < maxFrameBytes;
    if (this.#start > 0 && isMoved) {
      const from = this.#bytes;
      if (isInUse) this.#bytes = Buffer.allocUnsafeSlow(bufferBytes);
      from.copy(this.#bytes, 0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.#bytes.subarray(this.#end);
  }

  /** Takes note of bytes that were put there, and gives the messages that are whole; undefined where none is. */
  filled(byteCount: number): Buffer | undefined {
    this.#end += byteCount;
    let end = this.#start;
    while (this.#end - end >= 4) {
      const next = end + 4 + this.#bytes.readUInt32BE(end);
      // No message is that long: whoever reads the length will say so.
      if (next - end > maxFrameBytes) end = this.#end;
      if (next > this.#end) break;
      end = next;
    }
    if (end === this.#start) return undefined;
    const whole = this.#bytes.subarray(this.#start, end);
    this.#start = end;
    return whole;
  }
}
