/** The beginning of an sftp session, before there is a server: what is asked by then goes out with the greeting. */
import { SftpCalls } from './calls.ts';
import { encodeFrame } from './frames.ts';
import { LateStream } from './late-stream.ts';
import * as messages from './messages.ts';
import { Requests } from './requests.ts';
import { SftpSession } from './session.ts';
import type { SftpStream } from './stream.ts';

/** What a client says first. */
const greeting: Buffer = encodeFrame(messages.init.encode({ version: messages.sftpVersion, extensions: [] }));

/**
 * Saves the round trips of the greeting and of what is asked first: a server reads what came with the request that starts it when
 * it runs, one message after the other. What it offers is not known yet, so only calls of the draft's own can be made.
 *
 * @example
 * const opening = new SftpOpening();
 * const home = opening.calls.realpath('.');
 * const session = await connection.subsystem('sftp', { firstInput: opening.firstInput() });
 * const sftp = await startSftp(programStream(session), { opening });
 * console.log((await home).text);
 */
export class SftpOpening {
  readonly calls: SftpCalls;
  /** @internal */
  readonly session: SftpSession;
  readonly #stream = new LateStream();
  readonly #answer: Promise<Buffer>;

  /** @param now - a clock that never goes back, in milliseconds; what the path holds is measured with it. Default: the system's. */
  constructor(now: () => number = () => performance.now()) {
    const requests = new Requests(this.#stream);
    this.session = new SftpSession(requests, now);
    this.calls = new SftpCalls(this.session);
    this.#answer = requests.greet(greeting);
    this.#answer.catch(() => {});
  }

  /** The greeting and what was asked so far: to be sent behind the request that starts the server, and once. */
  firstInput(): Buffer {
    this.session.requests.flush();
    return this.#stream.take();
  }

  /**
   * Goes on over the stream to the server, on which what was not taken by `firstInput` leaves first.
   *
   * @internal
   * @returns the server's answer to the greeting.
   */
  join(stream: SftpStream): Promise<Buffer> {
    this.#stream.join(stream);
    return this.#answer;
  }
}
