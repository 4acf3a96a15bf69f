/**
 * DNS messages, as far as one question for SSHFP records needs them (RFC 1035 §4, RFC 6891, RFC 4255). Node's resolver cannot ask
 * for them, and this much is less than a package that knows all of DNS: one type, the answer section, every length checked.
 */
import { SshError } from '../../errors.ts';
import { decodeSshfp, type SshfpRecord } from '../../keys/index.ts';
import { maxDnsRecords } from '../../limits.ts';

/** What fits into packets everywhere; a longer answer comes over TCP. */
const udpPayloadBytes = 1232;

const types = { cname: 5, opt: 41, sshfp: 44 } as const;
const classInternet = 1;
const headerBytes = 12;
const maxNameBytes = 255;
const maxLabelBytes = 63;
const maxAliases = 8;

const flagBits = { response: 0x8000, opcode: 0x7800, truncated: 0x0200, recursion: 0x0100, authentic: 0x0020 } as const;
/** EDNS: send DNSSEC records, and with them the word that they were checked (RFC 3225, RFC 6840 §5.7). */
const dnssecOk = 0x8000;

/** A name that is looked up: its labels, without the root. */
export interface DnsQuery {
  readonly id: number;
  readonly labels: readonly Buffer[];
}

export interface DnsAnswer {
  /** The answer did not fit, and is to be asked for over TCP. */
  readonly truncated: boolean;
  /** 0 for success, 3 for a name that does not exist. */
  readonly responseCode: number;
  /** The resolver says that DNSSEC proved the answer. Only as good as the resolver and the way to it. */
  readonly authentic: boolean;
  readonly records: readonly SshfpRecord[];
}

/**
 * A host name as labels.
 *
 * @param name - in ASCII, with or without the dot at its end.
 * @returns undefined for what cannot be a name in DNS.
 */
export function parseDnsName(name: string): Buffer[] | undefined {
  const words = name.replace(/\.$/, '').split('.');
  const isName = words.every((word) => word.length <= maxLabelBytes && /^[A-Za-z0-9_-]+$/.test(word));
  const labels = words.map((word) => Buffer.from(word, 'latin1'));
  return isName && nameBytes(labels) <= maxNameBytes ? labels : undefined;
}

/** The bytes of a question for SSHFP records, with EDNS. */
export function encodeSshfpQuery({ id, labels }: DnsQuery): Buffer {
  const query = Buffer.alloc(headerBytes + nameBytes(labels) + 4 + 11);
  query.writeUInt16BE(id, 0);
  query.writeUInt16BE(flagBits.recursion | flagBits.authentic, 2);
  query.writeUInt16BE(1, 4);
  query.writeUInt16BE(1, 10);
  let at = headerBytes;
  for (const label of labels) {
    at = query.writeUInt8(label.length, at);
    at += label.copy(query, at);
  }
  at = query.writeUInt8(0, at);
  at = query.writeUInt16BE(types.sshfp, at);
  at = query.writeUInt16BE(classInternet, at);
  // The OPT record: the root's name, its type, our size in place of a class, flags in place of a time to live, no data.
  at = query.writeUInt8(0, at);
  at = query.writeUInt16BE(types.opt, at);
  at = query.writeUInt16BE(udpPayloadBytes, at);
  query.writeUInt16BE(dnssecOk, at + 2);
  return query;
}

/**
 * Reads the answer to a query.
 *
 * @returns undefined for a message that is no answer to this query: whoever sent it is not the resolver.
 * @throws SshError `bad-message` for an answer that is broken.
 */
export function decodeSshfpAnswer(message: Buffer, query: DnsQuery): DnsAnswer | undefined {
  if (message.length < headerBytes || message.readUInt16BE(0) !== query.id) return undefined;
  const flags = message.readUInt16BE(2);
  if ((flags & flagBits.response) === 0 || (flags & flagBits.opcode) !== 0) return undefined;
  if (message.readUInt16BE(4) !== 1) return undefined;
  const reader = new MessageReader(message);
  const asked = reader.name();
  const [type, queryClass] = [reader.uint16(), reader.uint16()];
  if (!isSameName(asked, query.labels) || type !== types.sshfp || queryClass !== classInternet) return undefined;
  const answer = {
    truncated: (flags & flagBits.truncated) !== 0,
    responseCode: flags & 0xf,
    authentic: (flags & flagBits.authentic) !== 0,
  };
  // What came of a cut answer is not looked at, nor what stands in one that failed.
  if (answer.truncated || answer.responseCode !== 0) return { ...answer, records: [] };
  return { ...answer, records: reader.sshfpRecords(message.readUInt16BE(6), query.labels) };
}

class MessageReader {
  readonly #message: Buffer;
  #at = headerBytes;

  constructor(message: Buffer) {
    this.#message = message;
  }

  uint16(): number {
    return this.#take(2).readUInt16BE(0);
  }

  /** A name whose end may be that of an earlier one (RFC 1035 §4.1.4). */
  name(): Buffer[] {
    const labels: Buffer[] = [];
    let at = this.#at;
    let end: number | undefined;
    // A pointer leads strictly to the front, so that no name goes round in circles.
    let limit = at;
    for (let length = 1; ; ) {
      const head = this.#byteAt(at);
      if (head === 0) {
        this.#at = end ?? at + 1;
        return labels;
      }
      if (head >= 0xc0) {
        const target = ((head & 0x3f) << 8) | this.#byteAt(at + 1);
        if (target >= limit) throw broken('a name points forward');
        end ??= at + 2;
        limit = target;
        at = target;
        continue;
      }
      if (head > maxLabelBytes) throw broken('a label of unknown kind');
      length += 1 + head;
      if (length > maxNameBytes) throw broken(`a name of more than ${maxNameBytes} bytes`);
      if (at + 1 + head > this.#message.length) throw broken('a name is cut short');
      labels.push(this.#message.subarray(at + 1, at + 1 + head));
      at += 1 + head;
    }
  }

  /** The SSHFP records of the name, or of the one it is an alias of. */
  sshfpRecords(count: number, labels: readonly Buffer[]): SshfpRecord[] {
    if (count > maxDnsRecords) throw broken(`${count} records`);
    const aliases: { readonly from: Buffer[]; readonly to: Buffer[] }[] = [];
    const found: { readonly owner: Buffer[]; readonly record: SshfpRecord }[] = [];
    for (let index = 0; index < count; index++) {
      const owner = this.name();
      const [type, recordClass] = [this.uint16(), this.uint16()];
      this.#take(4);
      const length = this.uint16();
      const dataAt = this.#at;
      if (type === types.cname && recordClass === classInternet) {
        aliases.push({ from: owner, to: this.name() });
        if (this.#at !== dataAt + length) throw broken('an alias is not as long as it says');
        continue;
      }
      const data = this.#take(length);
      if (type !== types.sshfp || recordClass !== classInternet) continue;
      const record = decodeOrSkip(data);
      if (record !== undefined) found.push({ owner, record });
    }
    let name = labels;
    for (let step = 0; step < maxAliases; step++) {
      const alias = aliases.find(({ from }) => isSameName(from, name));
      if (alias === undefined) break;
      name = alias.to;
    }
    return found.filter(({ owner }) => isSameName(owner, name)).map(({ record }) => record);
  }

  #take(byteCount: number): Buffer {
    const end = this.#at + byteCount;
    if (end > this.#message.length) throw broken('it is cut short');
    const bytes = this.#message.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  #byteAt(at: number): number {
    const byte = this.#message[at];
    if (byte === undefined) throw broken('a name is cut short');
    return byte;
  }
}

/** A record that cannot be understood says nothing; the others still count. */
function decodeOrSkip(data: Buffer): SshfpRecord | undefined {
  try {
    return decodeSshfp(data);
  } catch {
    return undefined;
  }
}

function nameBytes(labels: readonly Buffer[]): number {
  return labels.reduce((sum, label) => sum + 1 + label.length, 1);
}

function isSameName(one: readonly Buffer[], other: readonly Buffer[]): boolean {
  return one.length === other.length && one.every((label, index) => isSameLabel(label, other[index] as Buffer));
}

/** Letters of ASCII count as the same in either case, other bytes do not (RFC 4343). */
function isSameLabel(one: Buffer, other: Buffer): boolean {
  return one.toString('latin1').replace(/[A-Z]/g, lower) === other.toString('latin1').replace(/[A-Z]/g, lower);
}

function lower(letter: string): string {
  return letter.toLowerCase();
}

function broken(what: string): SshError {
  return new SshError(`the answer of the name server is broken: ${what}`, {
    code: 'bad-message',
    stage: 'dns',
    side: 'peer',
  });
}
