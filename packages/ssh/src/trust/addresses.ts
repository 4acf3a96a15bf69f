/** Internet addresses in lists: single addresses and CIDR blocks, as in from=, source-address and Match address. */
import { isIPv4 } from 'node:net';
import { SshError } from '../errors.ts';
import { type Address, type AddressBlock, parseAddress, parseAddressBlock } from '../keys/address-blocks.ts';
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

/** Addresses that count as one source. */
export interface SourceBlock {
  readonly family: 4 | 6;
  /** `192.0.2.0/24`, the same for every address in it. */
  readonly text: string;
}

/**
 * The block that an address lies in; undefined for what is no address.
 *
 * @param ipv4Bits - how many bits at the front of an IPv4 address tell sources apart.
 * @param ipv6Bits - the same of IPv6.
 * @example
 * blockOf('2001:db8::1', 32, 64)?.text; // '2001:db8::/64'
 */
export function blockOf(address: string, ipv4Bits: number, ipv6Bits: number): SourceBlock | undefined {
  const own = parseAddress(address);
  if (own === undefined) return undefined;
  const { family } = own;
  const prefixBits = family === 4 ? ipv4Bits : ipv6Bits;
  const shift = BigInt((family === 4 ? 32 : 128) - prefixBits);
  const bits = (own.bits >> shift) << shift;
  return { family, text: `${family === 4 ? formatIpv4(bits) : formatIpv6(bits)}/${prefixBits}` };
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
    const block = parseAddressBlock(entry);
    if (typeof block === 'string') throw badList(list, block);
    if (!(block === undefined ? matchOther(entry) : own !== undefined && contains(block, own))) continue;
    if (negated) result = 'negated';
    else if (result === 'none') result = 'match';
  }
  return result;
}

/** Whether an address lies in a block. */
export function contains(block: AddressBlock, address: Address): boolean {
  if (block.family !== address.family) return false;
  const shift = BigInt((block.family === 4 ? 32 : 128) - block.prefixBits);
  return block.bits >> shift === address.bits >> shift;
}

/** An IPv4-mapped address as dotted IPv4, so that patterns such as `192.0.2.*` see it; undefined for anything else. */
function plainAddress(text: string): string | undefined {
  if (isIPv4(text)) return undefined;
  const address = parseAddress(text);
  if (address?.family !== 4) return undefined;
  return formatIpv4(address.bits);
}

function formatIpv4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.');
}

/** RFC 5952: the first of the longest runs of zeros is left out. */
function formatIpv6(bits: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const runs = groups.join(':').match(/\b0(?::0\b)+/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return groups.join(':');
  const at = ` ${groups.join(':')} `.search(new RegExp(`[ :]${longest}[ :]`));
  const text = groups.join(':');
  return `${text.slice(0, at).replace(/:$/, '')}::${text.slice(at + longest.length).replace(/^:/, '')}`;
}

function badList(list: string, reason: string): SshError {
  return new SshError(`address list "${list.slice(0, 200)}": ${reason}`, {
    code: 'bad-file',
    stage: 'trust',
    remedy: 'Write addresses or blocks separated by commas, for example 192.0.2.0/24,2001:db8::/32.',
  });
}
