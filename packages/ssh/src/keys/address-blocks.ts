/** Internet addresses and CIDR blocks as numbers: what source-address in certificates and from= in authorized_keys are made of. */
import { isIPv4, isIPv6 } from 'node:net';
import { maxPatternBytes } from '../limits.ts';

export interface Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

/** All addresses whose first `prefixBits` bits are those of `bits`. */
export interface AddressBlock extends Address {
  readonly prefixBits: number;
}

/**
 * Reads an address or a block `address/bits`.
 *
 * @returns undefined where the entry is no address at all (a pattern, a name), what is wrong where it is a wrong one.
 */
export function parseAddressBlock(entry: string): AddressBlock | string | undefined {
  const slash = entry.indexOf('/');
  const text = slash < 0 ? entry : entry.slice(0, slash);
  const address = text.includes('%') ? undefined : readBits(text);
  if (address === undefined) {
    if (slash < 0) return undefined;
    return `"${entry.slice(0, 100)}" has a mask, but "${text.slice(0, 100)}" is no address`;
  }
  const width = address.family === 4 ? 32 : 128;
  if (slash < 0) return mapBlock(address, width);
  const mask = entry.slice(slash + 1);
  if (!/^[0-9]{1,3}$/.test(mask) || Number(mask) > width) {
    return `the mask of "${entry.slice(0, 100)}" is no number from 0 to ${width}`;
  }
  const prefixBits = Number(mask);
  // OpenSSH refuses 192.0.2.7/24 too: the writer meant either the one host or the whole network, and we cannot know which.
  if (address.bits & ((1n << BigInt(width - prefixBits)) - 1n)) {
    return `"${entry.slice(0, 100)}" has bits set to the right of its mask`;
  }
  return mapBlock(address, prefixBits);
}

/**
 * What is wrong with a comma-separated list of addresses and blocks, as a certificate's source-address must be
 * (PROTOCOL.certkeys); undefined where nothing is.
 */
export function addressListFlaw(list: string): string | undefined {
  // An empty list would be read as "no restriction" by a careless matcher (Go b9229ec).
  if (list === '') return 'it is empty';
  if (list.length > maxPatternBytes) return `at most ${maxPatternBytes} characters are allowed`;
  for (const entry of list.split(',')) {
    if (entry === '') return 'an entry is empty';
    const block = parseAddressBlock(entry);
    if (typeof block === 'string') return block;
    if (block === undefined) return `"${entry.slice(0, 100)}" is no address and no CIDR block`;
  }
  return undefined;
}

/** Reads an address; a zone (`%eth0`) is left out, and an IPv4 address inside IPv6 counts as the IPv4 address it is. */
export function parseAddress(text: string): Address | undefined {
  const zone = text.indexOf('%');
  const address = readBits(zone < 0 ? text : text.slice(0, zone));
  if (address?.family === 6 && address.bits >> 32n === 0xffffn) return { family: 4, bits: address.bits & 0xffff_ffffn };
  return address;
}

/** A block inside ::ffff:0:0/96 holds IPv4 addresses, which parseAddress gives as such. */
function mapBlock(address: Address, prefixBits: number): AddressBlock {
  if (address.family === 6 && prefixBits >= 96 && address.bits >> 32n === 0xffffn) {
    return { family: 4, bits: address.bits & 0xffff_ffffn, prefixBits: prefixBits - 96 };
  }
  return { ...address, prefixBits };
}

function readBits(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, bits: readDotted(text) };
  if (!isIPv6(text)) return undefined;
  const lastColon = text.lastIndexOf(':');
  const tail = text.slice(lastColon + 1);
  const dotted = tail.includes('.') ? readDotted(tail) : undefined;
  const plain =
    dotted === undefined
      ? text
      : `${text.slice(0, lastColon + 1)}${(dotted >> 16n).toString(16)}:${(dotted & 0xffffn).toString(16)}`;
  const [head = '', rest] = plain.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = rest === undefined || rest === '' ? [] : rest.split(':');
  const zeros = Array<string>(8 - front.length - back.length).fill('0');
  let bits = 0n;
  for (const group of [...front, ...zeros, ...back]) bits = (bits << 16n) | BigInt(`0x${group}`);
  return { family: 6, bits };
}

function readDotted(text: string): bigint {
  let bits = 0n;
  for (const part of text.split('.')) bits = (bits << 8n) | BigInt(part);
  return bits;
}
