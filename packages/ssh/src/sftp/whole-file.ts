/** Reads a file whole into memory. */
import type { SshError } from '../errors.ts';
import type { SftpFile } from './file.ts';
import type { CallOptions } from './requests.ts';
import { sftpError } from './sftp-error.ts';

/** All of an open file, or what there is of it from a position on. A longer one is refused before it is in memory. */
export async function readWhole(
  file: SftpFile,
  maxBytes: number,
  options: CallOptions = {},
  start = 0,
): Promise<Buffer> {
  // Both at once: a small file is all there with the first answer. A server that cannot tell sizes has its files read to the end.
  const sized = file.stat(options).then(
    ({ size }) => size ?? 0,
    () => 0,
  );
  const first = await file.read(start, Number.POSITIVE_INFINITY, options);
  const size = await sized;
  const length = first.length;
  if (Math.max(size - start, length) > maxBytes) throw tooLong(maxBytes);
  if (length === 0 || start + length === size) return first;
  return readOn(file, [first], start + length, size, maxBytes - length, options);
}

async function readOn(
  file: SftpFile,
  chunks: Buffer[],
  start: number,
  size: number,
  maxBytes: number,
  options: CallOptions,
): Promise<Buffer> {
  // Files of /proc and the like say that they are empty; others grow while they are read.
  const reader = file.reader({ start, expectedEnd: size, ...(size > start && { end: size }) });
  const { signal } = options;
  const onAbort = () => reader.stop(abortError(signal));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    let length = 0;
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      length += chunk.data.length;
      if (length > maxBytes) throw tooLong(maxBytes);
      chunks.push(chunk.data);
      chunk.keep();
    }
    return Buffer.concat(chunks);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    reader.stop();
  }
}

function tooLong(maxBytes: number): SshError {
  return sftpError('limit-exceeded', `the file is longer than ${maxBytes} bytes`, {
    remedy: 'Raise maxBytes, or read it piece by piece.',
  });
}

function abortError(signal: AbortSignal | undefined): SshError {
  return sftpError('aborted', 'the sftp request was given up', { cause: signal?.reason });
}
