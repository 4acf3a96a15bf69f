/** The client of sftp version 3: what a program does with files over a stream. */
import type { SshError } from '../errors.ts';
import { maxSftpMessageBytes } from '../limits.ts';
import { SftpCalls } from './calls.ts';
import { type AnnouncedLimits, limits } from './extensions/limits.ts';
import { encodeFrame } from './frames.ts';
import { SftpFileSystem } from './fs/file-system.ts';
import * as messages from './messages.ts';
import { type CallOptions, Requests } from './requests.ts';
import { SftpSession, type TransferLimits } from './session.ts';
import { badSftp, readingSftp, sftpError } from './sftp-error.ts';
import type { SftpStream } from './stream.ts';

export interface StartSftpOptions extends CallOptions {
  /** Says more about an end that the stream alone does not explain: what the server's program wrote to stderr. */
  readonly explainEnd?: () => string;
  /** A clock that never goes back, in milliseconds; what the path holds is measured with it. Default: the system's. */
  readonly now?: () => number;
  /** The first message, {@link sftpGreeting}, was written to the stream already, behind the request that starts the server. */
  readonly isGreeted?: boolean;
  /**
   * Called when requests can be made, while the server's limits are still asked for: what is asked in it shares their round trip.
   * Reads and writes are to wait.
   */
  readonly onGreeted?: (calls: SftpCalls) => void;
  /** The most bytes that one read or write asks for or brings. Default: what the server allows. */
  readonly requestBytes?: number;
}

/** What a client says first. A server reads it when it runs, so it may be sent with the request that starts one. */
export const sftpGreeting: Buffer = encodeFrame(
  messages.init.encode({ version: messages.sftpVersion, extensions: [] }),
);

/**
 * Starts sftp over a stream: greets, and learns the server's extensions and limits.
 *
 * @throws SshError stage `sftp`: `bad-message` where the other end does not speak it, `unsupported` for an older version.
 * @example
 * const sftp = await startSftp(stream);
 * for await (const { text, attributes } of sftp.readdir('.')) console.log(text, attributes.size);
 */
export async function startSftp(stream: SftpStream, options: StartSftpOptions = {}): Promise<SftpClient> {
  const requests = new Requests(stream);
  if (options.explainEnd) requests.explainEnd = options.explainEnd;
  try {
    const greeting = options.isGreeted ? undefined : sftpGreeting;
    const session = new SftpSession(
      requests,
      readGreeting(await requests.greet(greeting, options)),
      options.now ?? (() => performance.now()),
    );
    options.onGreeted?.(new SftpCalls(session));
    if (session.offers(limits)) {
      session.limits = settleLimits(await session.extended({ operation: 'limits' }, limits, {}, options));
    }
    session.limits = lowered(session.limits, options.requestBytes);
    return new SftpClient(session);
  } catch (error) {
    requests.fail(error as SshError);
    throw error;
  }
}

/**
 * A session. Every pending call settles when it ends; each takes an AbortSignal. Names and paths are bytes; text is sent as UTF-8.
 *
 * Its own calls are close to the protocol; `fs` has those of node:fs/promises.
 */
export class SftpClient extends SftpCalls {
  /** The same files by the calls of node:fs/promises. */
  readonly fs: SftpFileSystem = new SftpFileSystem(this);
}

function readGreeting(greeting: Buffer): Map<string, Buffer> {
  const { version, extensions } = readingSftp(() => messages.version.decode(greeting));
  if (version === messages.sftpVersion) return new Map(extensions);
  const wrong = `the server speaks sftp version ${version}, expected ${messages.sftpVersion}`;
  // Draft §4: the server answers with the lower of both versions, so a higher one breaks the rule.
  throw version < messages.sftpVersion ? sftpError('unsupported', wrong, { side: 'peer' }) : badSftp(wrong);
}

function lowered(limits: TransferLimits, requestBytes = Number.POSITIVE_INFINITY): TransferLimits {
  const { readBytes, writeBytes } = limits;
  return { ...limits, readBytes: Math.min(readBytes, requestBytes), writeBytes: Math.min(writeBytes, requestBytes) };
}

/** What stands around the data in a READ's reply or a WRITE. */
const transferHeadBytes = 1024;

function settleLimits({ packetBytes, readBytes, writeBytes, openHandles }: AnnouncedLimits): TransferLimits {
  const most = BigInt(maxSftpMessageBytes - transferHeadBytes);
  const packet = packetBytes > BigInt(2 * transferHeadBytes) ? packetBytes - BigInt(transferHeadBytes) : most;
  const settle = (announced: bigint) => {
    const own = announced === 0n ? most : announced;
    return Number([own, packet, most].reduce((least, one) => (one < least ? one : least)));
  };
  return {
    readBytes: settle(readBytes),
    writeBytes: settle(writeBytes),
    openHandles: openHandles === 0n ? undefined : Number(openHandles),
  };
}
