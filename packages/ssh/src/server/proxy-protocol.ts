/** The PROXY protocol, versions 1 and 2: what a load balancer says of a connection before the connection's own first byte. */
import { isIPv4, isIPv6 } from 'node:net';
import { SshError } from '../errors.ts';
import { maxProxyHeaderBytes } from '../limits.ts';

/** A whole header. */
export interface ProxyHeader {
  /** Bytes that it takes; what is behind them belongs to the connection. */
  readonly length: number;
  /** The connection that the balancer accepted; undefined where it speaks of its own, or cannot say (LOCAL, UNKNOWN). */
  readonly ends: ProxiedEnds | undefined;
}

export interface ProxiedEnds {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/**
 * Reads the header at the front of what a balancer sent.
 *
 * @returns the header, or at least how many bytes must be there before it can be whole: never more than it has, so that whoever
 *   reads no further takes nothing of what is behind it.
 * @throws SshError `protocol-error` for what is no header.
 * @example
 * const read = readProxyHeader(Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 50022 22\r\n'));
 * if (typeof read !== 'number') read.ends?.address; // '192.0.2.7'
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | number {
  const isSecond = startsLike(bytes, signature);
  if (!isSecond && !startsLike(bytes, firstWord))
    throw badHeader('it begins with neither PROXY nor the signature of version 2');
  return isSecond ? readSecond(bytes) : readFirst(bytes);
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const firstWord = Buffer.from('PROXY ', 'latin1');

/** The two do not begin alike, so that one byte tells which it is. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

/** No header is shorter: `PROXY UNKNOWN` and a line end. */
export const leastProxyHeaderBytes = 15;
const longestFirst = 107;
const lineEnd = '\r\n';

function readFirst(bytes: Buffer): ProxyHeader | number {
  const line = bytes.subarray(0, longestFirst).toString('latin1');
  const at = line.indexOf('\n');
  if (at < 0) {
    if (bytes.length >= longestFirst) throw badHeader(`its line is longer than ${longestFirst} bytes`);
    return Math.min(
      longestFirst,
      Math.max(leastProxyHeaderBytes, bytes.length + (line.endsWith('\r') ? 1 : lineEnd.length)),
    );
  }
  if (line[at - 1] !== '\r') throw badHeader('its line does not end with a carriage return and a line feed');
  const length = at + 1;
  const [, family = '', ...words] = line.slice(0, at - 1).split(' ');
  // Whatever else such a line says does not count.
  if (family === 'UNKNOWN') return { length, ends: undefined };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIpv6 : undefined;
  const [address = '', localAddress = '', port = '', localPort = '', ...more] = words;
  if (isAddress === undefined || more.length > 0)
    throw badHeader('it is none of TCP4, TCP6 and UNKNOWN with two addresses and ports');
  if (!isAddress(address) || !isAddress(localAddress)) throw badHeader(`its addresses are none of ${family}`);
  const [source, destination] = [canonical(address), canonical(localAddress)];
  return {
    length,
    ends: { address: source, localAddress: destination, port: readPort(port), localPort: readPort(localPort) },
  };
}

/** A zone would be the balancer's, and mean nothing here. */
function isPlainIpv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function readPort(text: string): number {
  const port = /^(?:0|[1-9]\d{0,4})$/.test(text) ? Number(text) : 65_536;
  if (port > 65_535) throw badHeader('its ports are no ports');
  return port;
}

const fixedBytes = 16;

/** The families of version 2: how many bytes two addresses and two ports take. Sockets of other kinds are none of a client's of ours. */
const tcp4 = 0x11;
const tcp6 = 0x21;
const addressBytes: Readonly<Record<number, number>> = {
  0: 0,
  [tcp4]: 12,
  18: 12,
  [tcp6]: 36,
  34: 36,
  49: 216,
  50: 216,
};

function readSecond(bytes: Buffer): ProxyHeader | number {
  // The shorter one of the two is asked for until it is plain which one it is.
  if (bytes.length === 0) return leastProxyHeaderBytes;
  if (bytes.length < fixedBytes) return fixedBytes;
  const [version, family] = [bytes.readUInt8(12), bytes.readUInt8(13)];
  const bodyBytes = bytes.readUInt16BE(14);
  if (version !== 0x20 && version !== 0x21)
    throw badHeader('its version is not 2, or its command is neither LOCAL nor PROXY');
  const length = fixedBytes + bodyBytes;
  if (length > maxProxyHeaderBytes) throw badHeader(`it has ${length} bytes, at most ${maxProxyHeaderBytes} are taken`);
  const isLocal = version === 0x20;
  const leastBytes = addressBytes[family];
  if (!isLocal && leastBytes === undefined) throw badHeader('its address family is not known');
  if (!isLocal && bodyBytes < (leastBytes as number)) throw badHeader('it is too short for its addresses');
  if (bytes.length < length) return length;
  if (isLocal || (family !== tcp4 && family !== tcp6)) return { length, ends: undefined };
  const size = family === tcp4 ? 4 : 16;
  const [source, destination] = [0, 1].map((which) =>
    formatAddress(bytes.subarray(fixedBytes + which * size, fixedBytes + (which + 1) * size)),
  );
  return {
    length,
    ends: {
      address: source as string,
      localAddress: destination as string,
      port: bytes.readUInt16BE(fixedBytes + 2 * size),
      localPort: bytes.readUInt16BE(fixedBytes + 2 * size + 2),
    },
  };
}

function formatAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  return canonical(Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16)).join(':'));
}

/** As the system writes it: lists and limits of sources must not see one address as two. */
function canonical(address: string): string {
  if (isIPv4(address)) return address;
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return text;
  const bits = [high, low].map((group) => Number.parseInt(group, 16));
  return bits.flatMap((group) => [group >> 8, group & 0xff]).join('.');
}

function badHeader(reason: string): SshError {
  return new SshError(`bad PROXY header: ${reason}`, {
    code: 'protocol-error',
    stage: 'identification',
    side: 'peer',
    remedy:
      'Have the balancer send a PROXY header (HAProxy: send-proxy or send-proxy-v2), or take it from ProxyProtocolFrom.',
  });
}
