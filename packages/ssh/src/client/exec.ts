/** Collects what a command writes, within bounds. */
import type { Readable } from 'node:stream';
import type { ClientSession } from '../connection/index.ts';
import { SshError } from '../errors.ts';
import type { StartOptions } from './options.ts';

export interface ExecOptions extends StartOptions {
  /** Written to the command's stdin, which is closed then; without it stdin is empty. */
  readonly input?: string | Uint8Array | Readable | AsyncIterable<string | Uint8Array>;
  /** Most bytes of stdout and stderr together. Default 256 MiB. */
  readonly maxOutputBytes?: number;
  /** Give up after this long, counted from the call, and close the channel. */
  readonly timeoutMs?: number;
}

/** How a command ended. */
export interface ExecResult<Output = string> {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Undefined where a signal ended it, or the server did not say. */
  readonly status: number | undefined;
  /** The signal that ended it, without SIG. */
  readonly signal: string | undefined;
}

const defaultMaxOutputBytes = 256 * 1024 * 1024;

/**
 * Runs a command to its end.
 *
 * @param start - starts it; its signal is aborted when the caller's is, and when the time is up.
 */
export async function runToEnd(
  start: (options: StartOptions) => Promise<ClientSession>,
  options: ExecOptions & { encoding?: 'buffer' },
): Promise<ExecResult<string | Buffer>> {
  const { signal, timeoutMs } = options;
  const controller = new AbortController();
  const onAbort = () =>
    controller.abort(
      new SshError('the command was aborted', { code: 'aborted', stage: 'channel', cause: signal?.reason }),
    );
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const onTimeout = () =>
    controller.abort(
      new SshError(`the command did not end within ${timeoutMs} ms`, { code: 'timeout', stage: 'channel' }),
    );
  const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs);
  try {
    controller.signal.throwIfAborted();
    return await collect(await start({ ...options, signal: controller.signal }), options, controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

async function collect(
  session: ClientSession,
  options: ExecOptions & { encoding?: 'buffer' },
  signal: AbortSignal,
): Promise<ExecResult<string | Buffer>> {
  const { maxOutputBytes = defaultMaxOutputBytes } = options;
  let failure: SshError | undefined;
  const stop = (error: SshError) => {
    failure ??= error;
    session.close();
  };
  if (signal.aborted) stop(signal.reason);
  signal.addEventListener('abort', () => stop(signal.reason), { once: true });

  let outputBytes = 0;
  const gather = (stream: Readable): Buffer[] => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      outputBytes += chunk.length;
      if (outputBytes > maxOutputBytes) stop(tooMuch(maxOutputBytes));
      else chunks.push(chunk);
    });
    return chunks;
  };
  const stdout = gather(session.stdout);
  const stderr = gather(session.stderr);
  // A command that ends without reading its input is no failure of the input.
  feed(session, options.input).catch(() => {});
  try {
    const exit = await session.exit;
    if (failure) throw failure;
    const output = (chunks: Buffer[]) => {
      const bytes = Buffer.concat(chunks);
      return options.encoding === 'buffer' ? bytes : bytes.toString('utf8');
    };
    await drained(session);
    return {
      stdout: output(stdout),
      stderr: output(stderr),
      status: 'status' in exit ? exit.status : undefined,
      signal: 'signal' in exit ? exit.signal : undefined,
    };
  } catch (error) {
    throw failure ?? error;
  }
}

async function feed(session: ClientSession, input: ExecOptions['input']): Promise<void> {
  if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) {
    session.stdin.end(input);
    return;
  }
  for await (const chunk of input) {
    if (!session.stdin.write(chunk))
      await new Promise((resolve) => session.stdin.once('drain', resolve).once('close', resolve));
    if (session.stdin.destroyed) return;
  }
  session.stdin.end();
}

/** The exit is known when the channel is closed; what the streams still hold is read out before. */
async function drained(session: ClientSession): Promise<void> {
  const ended = (stream: Readable) =>
    stream.readableEnded || stream.destroyed
      ? undefined
      : new Promise((resolve) => stream.once('end', resolve).once('close', resolve));
  await Promise.all([ended(session.stdout), ended(session.stderr)]);
}

function tooMuch(maxOutputBytes: number): SshError {
  return new SshError(`the command wrote more than ${maxOutputBytes} bytes`, {
    code: 'limit-exceeded',
    stage: 'channel',
    remedy: 'Raise maxOutputBytes, or read its streams with spawn().',
  });
}
