/** The one read buffer that all connections of a process share. */

/**
 * About 64 KiB moved the most bytes per CPU second: larger ones fall out of the second-level cache. It is a little more, so that two
 * packets with 32 KiB of data each fit in whatever protects them.
 */
const readBufferBytes = 66 * 1024;
let shared: Buffer | undefined;

/**
 * The buffer to read into. On POSIX systems filling it and handing it out is one step of the event loop, so a thousand idle
 * connections need but one; Windows reads ahead into it, so there each connection has its own.
 */
export function readBuffer(): Buffer {
  if (process.platform === 'win32') return Buffer.allocUnsafeSlow(readBufferBytes);
  shared ??= Buffer.allocUnsafeSlow(readBufferBytes);
  return shared;
}
