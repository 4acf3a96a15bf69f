/** The client of sftp version 3: what a program does with files over a stream. */
import type { SshError } from '../errors.ts';
import { maxSftpMessageBytes } from '../limits.ts';
import { SftpCalls } from './calls.ts';
import { type AnnouncedLimits, limits } from './extensions/limits.ts';
import { SftpFileSystem } from './fs/file-system.ts';
import * as messages from './messages.ts';
import { SftpOpening } from './opening.ts';
import { abortError, type CallOptions } from './requests.ts';
import type { SftpSession, TransferLimits } from './session.ts';
import { badSftp, readingSftp, sftpError } from './sftp-error.ts';
import type { SftpStream } from './stream.ts';

export interface StartSftpOptions extends CallOptions {
  /** Says more about an end that the stream alone does not explain: what the server's program wrote to stderr. */
  readonly explainEnd?: () => string;
  /** A clock that never goes back, in milliseconds; what the path holds is measured with it. Default: the system's. */
  readonly now?: () => number;
  /** What was said and asked before there was a stream. Default: nothing. */
  readonly opening?: SftpOpening;
  /**
   * Gives the client before the server has told its limits, which saves a round trip: until they are known, one request reads or writes
   * what every server takes.
   */
  readonly isEager?: boolean;
  /** The most bytes that one read or write asks for or brings. Default: what the server allows. */
  readonly requestBytes?: number;
}

/**
 * Starts sftp over a stream: greets, and learns the server's extensions and limits.
 *
 * @throws SshError stage `sftp`: `bad-message` where the other end does not speak it, `unsupported` for an older version.
 * @example
 * const sftp = await startSftp(stream);
 * for await (const { text, attributes } of sftp.readdir('.')) console.log(text, attributes.size);
 */
export async function startSftp(stream: SftpStream, options: StartSftpOptions = {}): Promise<SftpClient> {
  const { opening = new SftpOpening(options.now), signal, explainEnd, isEager = false } = options;
  const { session } = opening;
  const { requests } = session;
  if (explainEnd) requests.explainEnd = explainEnd;
  const onAbort = () => requests.fail(abortError(signal));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted) onAbort();
    session.extensions = readGreeting(await opening.join(stream));
    const asked = learnLimits(session, options);
    if (isEager) asked.catch(() => {});
    else await asked;
    return new SftpClient(session);
  } catch (error) {
    requests.fail(error as SshError);
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
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

async function learnLimits(session: SftpSession, { requestBytes, signal }: StartSftpOptions): Promise<void> {
  session.limits = lowered(session.limits, requestBytes);
  if (!session.offers(limits)) return;
  const announced = await session.extended({ operation: 'limits' }, limits, {}, { signal });
  session.limits = lowered(settleLimits(announced), requestBytes);
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
