/** The frames that carry agent messages. */
import { SshError } from '../errors.ts';
import { maxAgentMessageBytes } from '../limits.ts';
import { asBuffer, type FrameRules, frameOf, FrameReader as WireFrameReader } from '../wire/index.ts';

// RUSTSEC-2026-0154: no limit at all.
const rules: FrameRules = { maxBytes: maxAgentMessageBytes, refuse: (length) => tooLong('announces', length) };

/** A message with its length in front. */
export function encodeFrame(message: Uint8Array): Buffer {
  const frame = frameOf(message, rules);
  if (frame === undefined) throw tooLong('is to get', message.length);
  return frame;
}

/** Puts messages together from a stream's chunks, wherever those are cut; each is a copy, which belongs to whoever takes it. */
export class FrameReader {
  readonly #frames = new WireFrameReader(rules);

  /**
   * Takes a chunk and calls back for every message that it completes.
   *
   * @throws SshError `limit-exceeded`, side `peer`, for a length of 0 or beyond the limit. The stream is useless after that.
   */
  push(chunk: Uint8Array, onMessage: (message: Buffer) => void): void {
    this.#frames.push(asBuffer(chunk), (message) => onMessage(Buffer.from(message)));
  }
}

function tooLong(does: 'announces' | 'is to get', length: number): SshError {
  const side = does === 'announces' ? ({ side: 'peer' } as const) : {};
  const text = `the other end ${does} an agent message of ${length} bytes, 1 to ${maxAgentMessageBytes} are allowed`;
  return new SshError(text, { code: 'limit-exceeded', stage: 'agent', ...side });
}
