/** zlib@openssh.com: deflate with a partial flush per packet, inflate never beyond the packet limit. */
import { createRequire } from 'node:module';
import { disconnectReasons, SshError } from '../errors.ts';
import { maxPacketBytes } from '../limits.ts';

export interface Deflater {
  deflate(head: Uint8Array, body: Uint8Array): Buffer;
}

export interface Inflater {
  /** @throws SshError for data that is no zlib stream or that grows beyond the packet limit. */
  inflate(payload: Buffer): Buffer;
}

/** One row a compression method; `delayed` starts after login (PROTOCOL §1.2), so no unknown peer reaches the inflater. */
export const compressions = [
  { name: 'none', delayed: false, compresses: false },
  { name: 'zlib@openssh.com', delayed: true, compresses: true },
] as const;

export type CompressionName = (typeof compressions)[number]['name'];

interface Stream {
  push(data: Uint8Array, flush: number): boolean;
  onData(chunk: Uint8Array): void;
  readonly err: number;
  readonly msg: string;
  strm: { avail_out: number; next_out: number; output: Uint8Array };
}
interface Pako {
  Deflate: new (options: { level: number }) => Stream;
  Inflate: new (options: { chunkSize: number; windowBits: number }) => Stream;
}

/** Z_SYNC_FLUSH: ends on a byte border, so that each packet can be read as soon as it is there. */
const syncFlush = 2;

/** Node's own zlib cannot go on synchronously with one stream; loaded only when somebody asked for compression. */
let pako: Pako | undefined;
function loadPako(): Pako {
  pako ??= createRequire(import.meta.url)('pako') as Pako;
  return pako;
}

export function createDeflater(): Deflater {
  // OpenSSH compresses at level 6 as well.
  const stream = new (loadPako().Deflate)({ level: 6 });
  let chunks: Uint8Array[] = [];
  stream.onData = (chunk) => void chunks.push(Buffer.from(chunk));
  return {
    deflate(head, body) {
      chunks = [];
      const input = Buffer.concat([head, body]);
      stream.push(input, syncFlush);
      return Buffer.concat(chunks);
    },
  };
}

export function createInflater(): Inflater {
  // Named, so that the package does not take gzip as well (RFC 4253 §6.2: RFC 1950 and nothing else).
  const stream = new (loadPako().Inflate)({ chunkSize: 64 * 1024, windowBits: 15 });
  let chunks: Uint8Array[] = [];
  let inflatedBytes = 0;
  stream.onData = (chunk) => {
    inflatedBytes += chunk.length;
    // A few bytes can claim gigabytes: stop while inflating, not after.
    if (inflatedBytes > maxPacketBytes) throw tooLarge();
    chunks.push(Buffer.from(chunk));
  };
  return {
    inflate(payload) {
      chunks = [];
      inflatedBytes = 0;
      stream.push(payload, syncFlush);
      // The package hands out full chunks only; the last, partial one is taken here and a new one begun.
      const { strm } = stream;
      if (strm.next_out > 0 && strm.avail_out > 0) {
        stream.onData(strm.output.subarray(0, strm.next_out));
        strm.avail_out = 0;
        strm.next_out = 0;
      }
      if (stream.err) throw corrupt(stream.msg || `zlib error ${stream.err}`);
      if (inflatedBytes === 0) throw corrupt('it holds no payload');
      return Buffer.concat(chunks);
    },
  };
}

function tooLarge(): SshError {
  return new SshError(`a compressed packet inflates to more than ${maxPacketBytes} bytes`, {
    code: 'limit-exceeded',
    stage: 'transport',
    side: 'peer',
    disconnect: disconnectReasons.compressionError,
  });
}

function corrupt(detail: string): SshError {
  return new SshError(`a compressed packet cannot be inflated: ${detail}`, {
    code: 'bad-packet',
    stage: 'transport',
    side: 'peer',
    disconnect: disconnectReasons.compressionError,
  });
}
