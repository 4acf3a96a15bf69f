/** SOCKS 4, 4a and 5 (RFC 1928) as a server of `-D` and of remote `-R port` speaks them: bytes in, a request and replies out. */
import { SshError } from '../errors.ts';

/** What whoever connected asks for. */
export interface SocksRequest {
  readonly version: 4 | 5;
  /** A name, or an address in its usual text form. */
  readonly host: string;
  readonly port: number;
}

/** How a request ended, for the reply. */
export type SocksOutcome = 'granted' | 'refused' | 'unreachable' | 'not-allowed';

export interface SocksStep {
  /** What is to be sent back now. */
  readonly reply: Buffer | undefined;
  /** Present once the request is whole; the handshake takes nothing further. */
  readonly request: SocksRequest | undefined;
  /** Bytes behind the request: the first of the stream to be forwarded. */
  readonly rest: Buffer;
}

/** Longest request: 4a with a user name and a host name; a peer that sends more is no SOCKS client. */
const maxRequestBytes = 1024;
const maxHostBytes = 255;

/**
 * Reads one client's request.
 *
 *     greeting (5 only) --methods--> request --whole--> done
 *
 * @example
 * const step = handshake.receive(bytes);
 * if (step.request !== undefined) open(step.request);
 */
export class SocksHandshake {
  #held = Buffer.alloc(0);
  #stage: 'greeting' | 'request' | 'done' = 'greeting';

  /**
   * Takes what came.
   *
   * @throws SshError `bad-message` where it is no SOCKS, or a command other than CONNECT; close the connection then.
   */
  receive(bytes: Uint8Array): SocksStep {
    if (this.#stage === 'done') throw badRequest('bytes came after the request');
    this.#held = Buffer.concat([this.#held, bytes]);
    const step = this.#read();
    if (step.request === undefined && this.#held.length > maxRequestBytes) throw badRequest('the request does not end');
    return step;
  }

  #read(): SocksStep {
    const [version] = this.#held;
    if (version === undefined) return more();
    if (version === 4 && this.#stage === 'greeting') return this.#finish(readVersion4(this.#held));
    if (version !== 5) throw badRequest(`version ${version}`);
    if (this.#stage === 'request') return this.#finish(readVersion5(this.#held));
    const count = this.#held[1];
    if (count === undefined || this.#held.length < 2 + count) return more();
    const methods = this.#held.subarray(2, 2 + count);
    // The forward is on this machine or behind a login: nobody is asked for a second password.
    if (!methods.includes(noAuthentication)) throw badRequest('the client wants to authenticate, which is not offered');
    this.#held = this.#held.subarray(2 + count);
    this.#stage = 'request';
    const step = this.#read();
    return { ...step, reply: Buffer.from([5, noAuthentication]) };
  }

  #finish(found: Found | undefined): SocksStep {
    if (found === undefined) return more();
    this.#stage = 'done';
    const rest = this.#held.subarray(found.end);
    this.#held = Buffer.alloc(0);
    return { reply: undefined, request: found.request, rest };
  }
}

/** The answer that ends the handshake. */
export function formatSocksReply({ version }: SocksRequest, outcome: SocksOutcome): Buffer {
  if (version === 4) return Buffer.from([0, outcome === 'granted' ? 90 : 91, 0, 0, 0, 0, 0, 0]);
  return Buffer.from([5, replyCodes[outcome], 0, addressTypes.ipv4, 0, 0, 0, 0, 0, 0]);
}

const noAuthentication = 0;
const connect = 1;
const addressTypes = { ipv4: 1, name: 3, ipv6: 4 } as const;
/** RFC 1928 §6. */
const replyCodes: Readonly<Record<SocksOutcome, number>> = {
  granted: 0,
  'not-allowed': 2,
  unreachable: 4,
  refused: 5,
};

interface Found {
  readonly request: SocksRequest;
  readonly end: number;
}

/** version, command, port, address, user name and a zero; 4a: an address 0.0.0.x means that a name and a zero follow. */
function readVersion4(bytes: Buffer): Found | undefined {
  if (bytes.length < 8) return undefined;
  requireConnect(bytes[1]);
  const userEnd = bytes.indexOf(0, 8);
  if (userEnd < 0) return undefined;
  const port = bytes.readUInt16BE(2);
  const address = bytes.subarray(4, 8);
  const isNamed = address[0] === 0 && address[1] === 0 && address[2] === 0 && address[3] !== 0;
  if (!isNamed) return { request: requestOf(4, address.join('.'), port), end: userEnd + 1 };
  const nameEnd = bytes.indexOf(0, userEnd + 1);
  if (nameEnd < 0) return undefined;
  return { request: requestOf(4, readName(bytes.subarray(userEnd + 1, nameEnd)), port), end: nameEnd + 1 };
}

/** version, command, zero, address type, address, port. */
function readVersion5(bytes: Buffer): Found | undefined {
  if (bytes.length < 5) return undefined;
  requireConnect(bytes[1]);
  const type = bytes[3];
  const length = type === addressTypes.name ? (bytes[4] as number) + 1 : type === addressTypes.ipv6 ? 16 : 4;
  if (type !== addressTypes.ipv4 && type !== addressTypes.ipv6 && type !== addressTypes.name) {
    throw badRequest(`address type ${type}`);
  }
  const end = 4 + length + 2;
  if (bytes.length < end) return undefined;
  const address = bytes.subarray(4, 4 + length);
  const port = bytes.readUInt16BE(4 + length);
  return { request: requestOf(5, formatAddress(type, address), port), end };
}

function formatAddress(type: number, address: Buffer): string {
  if (type === addressTypes.ipv4) return address.join('.');
  if (type === addressTypes.name) return readName(address.subarray(1));
  const groups = Array.from({ length: 8 }, (_, at) => address.readUInt16BE(at * 2).toString(16));
  return groups.join(':');
}

/** A name goes on to the server as it is: nothing in it may pass for something else in a log or a pattern. */
function readName(bytes: Buffer): string {
  if (bytes.length === 0 || bytes.length > maxHostBytes) throw badRequest(`a host name of ${bytes.length} bytes`);
  const name = bytes.toString('latin1');
  if (!/^[A-Za-z0-9._:%-]+$/.test(name)) throw badRequest('a host name with characters that none has');
  return name;
}

function requestOf(version: 4 | 5, host: string, port: number): SocksRequest {
  if (port === 0) throw badRequest('port 0');
  return { version, host, port };
}

function requireConnect(command: number | undefined): void {
  if (command !== connect) throw badRequest(`command ${command}, only CONNECT (1) is served`);
}

function more(): SocksStep {
  return { reply: undefined, request: undefined, rest: Buffer.alloc(0) };
}

function badRequest(reason: string): SshError {
  return new SshError(`not a SOCKS request that can be served: ${reason}`, {
    code: 'bad-message',
    stage: 'channel',
    side: 'peer',
    remedy: 'Set the program to SOCKS 5, 4a or 4 without authentication.',
  });
}
