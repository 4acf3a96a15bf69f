/** Internet addresses in lists: single addresses and CIDR blocks, as in from=, source-address and Match address. */
import { isIPv4, isIPv6 } from 'node:net';
import { SshError } from '../errors.ts';
import { maxPatternBytes } from '../limits.ts';
import { type MatchResult, matchHostPatternList, matchPattern } from './patterns.ts';

/**
 * Matches an address against a comma-separated list of addresses and CIDR blocks, each of which may be negated with `!`.
 *
 * An IPv4 address inside IPv6 (`::ffff:192.0.2.1`) counts as the IPv4 address it is; a zone (`%eth0`) is left out.
 *
 * @param address - the peer's address; undefined (or no address at all) matches nothing, while the list is still checked.
 * @throws SshError `bad-file` for an empty list or entry, a host name or wildcard, a mask out of range, or bits set to
 *   the right of the mask.
 * @example
 * matchAddressList('192.0.2.0/24,!192.0.2.7,2001:db8::/32', '192.0.2.7'); // 'negated'
 */
export function matchAddressList(list: string, address: string | undefined): MatchResult {
  return matchList(list, address, () => {
    throw badList(list, 'every entry must be an address or a CIDR block');
  });
}

/** As `matchAddressList`, without negation: the form of a certificate's source-address (PROTOCOL.certkeys). */
export function matchCidrList(list: string, address: string | undefined): MatchResult {
  if (list.includes('!')) throw badList(list, 'no entry may be negated here');
  return matchAddressList(list, address);
}

/**
 * Matches a peer against a `from=` list of host patterns, address patterns and CIDR blocks: a hit by name or by address
 * is enough, a negated hit by either refuses.
 *
 * @throws SshError `bad-file` for an empty entry or a block with bits set to the right of its mask.
 */
export function matchHostAndAddress(
  list: string,
  hostName: string | undefined,
  address: string | undefined,
): MatchResult {
  const text = address === undefined ? undefined : (plainAddress(address) ?? address);
  const byAddress = matchList(
    list,
    text,
    (entry) => text !== undefined && matchPattern(text.toLowerCase(), entry.toLowerCase()),
  );
  if (byAddress === 'negated') return 'negated';
  const byName = hostName === undefined ? 'none' : matchHostPatternList(hostName, list);
  return byName === 'none' ? byAddress : byName;
}

function matchList(list: string, address: string | undefined, matchOther: (entry: string) => boolean): MatchResult {
  if (list.length > maxPatternBytes) throw badList(list, `at most ${maxPatternBytes} characters are allowed`);
  const own = address === undefined ? undefined : parseAddress(address);
  let result: MatchResult = 'none';
  // The whole list is read even after a hit, so that a bad entry is found whoever connects.
  for (const item of list.split(',')) {
    const negated = item.startsWith('!');
    const entry = negated ? item.slice(1) : item;
    if (entry === '') throw badList(list, 'an entry is empty');
    const block = parseBlock(entry, list);
    if (!(block === undefined ? matchOther(entry) : own !== undefined && contains(block, own))) continue;
    if (negated) result = 'negated';
    else if (result === 'none') result = 'match';
  }
  return result;
}

interface Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

interface Block extends Address {
  readonly prefixBits: number;
}

/** undefined where the entry is no address at all (a pattern, a name); an error where it is a wrong one. */
function parseBlock(entry: string, list: string): Block | undefined {
  const slash = entry.indexOf('/');
  const text = slash < 0 ? entry : entry.slice(0, slash);
  const address = text.includes('%') ? undefined : readBits(text);
  if (address === undefined) {
    if (slash < 0) return undefined;
    throw badList(list, `"${entry.slice(0, 100)}" has a mask, but "${text.slice(0, 100)}" is no address`);
  }
  const width = address.family === 4 ? 32 : 128;
  if (slash < 0) return mapBlock(address, width);
  const mask = entry.slice(slash + 1);
  if (!/^[0-9]{1,3}$/.test(mask) || Number(mask) > width) {
    throw badList(list, `the mask of "${entry.slice(0, 100)}" is no number from 0 to ${width}`);
  }
  const prefixBits = Number(mask);
  // OpenSSH refuses 192.0.2.7/24 too: the writer meant either the one host or the whole network, and we cannot know which.
  if (address.bits & ((1n << BigInt(width - prefixBits)) - 1n)) {
    throw badList(list, `"${entry.slice(0, 100)}" has bits set to the right of its mask`);
  }
  return mapBlock(address, prefixBits);
}

/** A block inside ::ffff:0:0/96 holds IPv4 addresses, which parseAddress gives as such. */
function mapBlock(address: Address, prefixBits: number): Block {
  if (address.family === 6 && prefixBits >= 96 && address.bits >> 32n === 0xffffn) {
    return { family: 4, bits: address.bits & 0xffff_ffffn, prefixBits: prefixBits - 96 };
  }
  return { ...address, prefixBits };
}

function contains(block: Block, address: Address): boolean {
  if (block.family !== address.family) return false;
  const shift = BigInt((block.family === 4 ? 32 : 128) - block.prefixBits);
  return block.bits >> shift === address.bits >> shift;
}

function parseAddress(text: string): Address | undefined {
  const zone = text.indexOf('%');
  const address = readBits(zone < 0 ? text : text.slice(0, zone));
  if (address?.family === 6 && address.bits >> 32n === 0xffffn) return { family: 4, bits: address.bits & 0xffff_ffffn };
  return address;
}

/** An IPv4-mapped address as dotted IPv4, so that patterns such as `192.0.2.*` see it; undefined for anything else. */
function plainAddress(text: string): string | undefined {
  if (isIPv4(text)) return undefined;
  const address = parseAddress(text);
  if (address?.family !== 4) return undefined;
  return [24n, 16n, 8n, 0n].map((shift) => (address.bits >> shift) & 0xffn).join('.');
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

function badList(list: string, reason: string): SshError {
  return new SshError(`address list "${list.slice(0, 200)}": ${reason}`, {
    code: 'bad-file',
    stage: 'trust',
    remedy: 'Write addresses or blocks separated by commas, for example 192.0.2.0/24,2001:db8::/32.',
  });
}
