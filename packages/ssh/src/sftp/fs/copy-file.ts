/** Copies a file from one place of a server to another. */
import { SshError } from '../../errors.ts';
import type { SftpCalls } from '../calls.ts';
import { copyData } from '../extensions/copy-data.ts';
import type { SftpFile } from '../file.ts';
import type { CallOptions } from '../requests.ts';
import { sftpError } from '../sftp-error.ts';
import { describeSubject } from '../status.ts';

export async function copyFile(
  calls: SftpCalls,
  source: Buffer,
  target: Buffer,
  { exclusive = false, signal }: CallOptions & { readonly exclusive?: boolean },
): Promise<void> {
  const options = { signal };
  // To open the target would empty the source, and a server that copies a file onto itself never reaches its end.
  await requireDifferent(calls, source, target, options);
  const from = await calls.open(source, { read: true }, options);
  try {
    await copyOpen(calls, from, target, exclusive, options);
  } finally {
    await from.close().catch(() => {});
  }
}

async function copyOpen(
  calls: SftpCalls,
  from: SftpFile,
  target: Buffer,
  exclusive: boolean,
  options: CallOptions,
): Promise<void> {
  const { mode = 0o644 } = await from.stat(options);
  const to = await calls.open(
    target,
    { write: true, create: true, ...(exclusive ? { exclusive } : { truncate: true }) },
    { ...options, attributes: { mode: mode & 0o777 } },
  );
  try {
    if (!(await copyThere(calls, from, to, options))) await copyByHere(from, to, options);
  } catch (error) {
    await to.close().catch(() => {});
    throw error;
  }
  await to.close();
}

/** False where the server cannot: nothing is written then. */
async function copyThere(calls: SftpCalls, from: SftpFile, to: SftpFile, options: CallOptions): Promise<boolean> {
  if (!calls.extensions.has(copyData.name)) return false;
  try {
    await from.copyTo(to, {}, options);
    return true;
  } catch (error) {
    if (error instanceof SshError && error.code === 'unsupported') return false;
    throw error;
  }
}

async function copyByHere(from: SftpFile, to: SftpFile, { signal }: CallOptions): Promise<void> {
  const { size = 0 } = await from.stat({ signal });
  const writer = to.writer();
  // What was read stays charged until it is written.
  const reader = from.reader({ expectedEnd: size, budget: writer.budget });
  const onAbort = () => reader.stop(sftpError('aborted', 'the copying was given up', { cause: signal?.reason }));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      writer.send(chunk.position, chunk.data, chunk.release);
      writer.requireGood();
    }
    await writer.settled();
  } finally {
    signal?.removeEventListener('abort', onAbort);
    reader.stop();
  }
}

async function requireDifferent(calls: SftpCalls, source: Buffer, target: Buffer, options: CallOptions): Promise<void> {
  const there = await calls.realpath(target, options).catch(() => undefined);
  if (there === undefined) return;
  if (!(await calls.realpath(source, options)).bytes.equals(there.bytes)) return;
  throw sftpError('misuse', `${describeSubject({ operation: 'copy', path: source })}: onto itself`);
}
