/** Round trips at the transport level (PROTOCOL §1.9): who waits for which PONG. */
import { protocolError } from '../errors.ts';
import { ping, pong } from './messages.ts';

const noBytes = Buffer.alloc(0);

/** PONGs come in the order of the PINGs. */
export class Pings {
  readonly #waiting: (() => void)[] = [];

  /** A PING whose answer calls `done`. */
  encode(done: () => void, data: Buffer = noBytes): Buffer {
    this.#waiting.push(done);
    return ping.encode({ data });
  }

  acceptPong(payload: Buffer): void {
    pong.decode(payload);
    const done = this.#waiting.shift();
    if (done === undefined) throw protocolError('transport', 'a PONG answers no PING of ours');
    done();
  }
}

/** The answer to the peer's PING. */
export function answerPing(payload: Buffer): Buffer {
  return pong.encode({ data: ping.decode(payload).data });
}
