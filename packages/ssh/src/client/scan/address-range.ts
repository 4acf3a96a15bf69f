/** Address ranges of a scan: `192.0.2.0/24` as the addresses that it holds, one after the other. */
import { isIPv4, isIPv6 } from 'node:net';
import { SshError } from '../../errors.ts';

/** A larger range would be scanned for weeks; somebody meant something else (an IPv6 /64 has 2^64 addresses). */
const maxRangeBits = 24;

/**
 * The addresses of a range, also its first and its last one; a single address is a range of one.
 *
 * @returns undefined where the text is no range: a name, or an address with bits set to the right of its mask.
 * @throws SshError `limit-exceeded` for a range of more than 2^24 addresses.
 * @example
 * const [first] = parseAddressRange('192.0.2.0/30') ?? []; // '192.0.2.0'
 */
export function parseAddressRange(text: string): Iterable<string> | undefined {
  const found = /^([0-9a-fA-F.:]+)(?:\/([0-9]{1,3}))?$/.exec(text);
  const [, address = '', mask] = found ?? [];
  const width = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
  const prefixBits = mask === undefined ? width : Number(mask);
  if (width === 0 || prefixBits > width) return undefined;
  const first = width === 32 ? readIPv4(address) : readIPv6(address);
  const hostBits = width - prefixBits;
  if ((first & ((1n << BigInt(hostBits)) - 1n)) !== 0n) return undefined;
  if (hostBits > maxRangeBits) {
    throw new SshError(`the range ${text} has 2^${hostBits} addresses, at most 2^${maxRangeBits} are scanned`, {
      code: 'limit-exceeded',
      stage: 'usage',
      remedy: 'Give smaller ranges, or list the hosts.',
    });
  }
  return addressesFrom(first, 2 ** hostBits, width === 32 ? formatIPv4 : formatIPv6);
}

function* addressesFrom(first: bigint, count: number, format: (bits: bigint) => string): Generator<string> {
  for (let offset = 0; offset < count; offset++) yield format(first + BigInt(offset));
}

function readIPv4(text: string): bigint {
  return text.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function readIPv6(text: string): bigint {
  // The last 32 bits may stand there as an IPv4 address.
  const tail = /^(.*:)([0-9]+\.[0-9.]+)$/.exec(text);
  const plain = tail === null ? text : `${tail[1]}${groupsOf(readIPv4(tail[2] as string), 2).join(':')}`;
  const [left = '', right] = plain.split('::');
  const groups = (part: string | undefined) => (part === undefined || part === '' ? [] : part.split(':'));
  const [head, end] = [groups(left), groups(right)];
  const zeros = Array.from({ length: 8 - head.length - end.length }, () => '0');
  return [...head, ...zeros, ...end].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

function formatIPv4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 255n)).join('.');
}

/** RFC 5952: the longest run of two or more zero groups is cut out. */
function formatIPv6(bits: bigint): string {
  if (bits >> 32n === 0xffffn) return `::ffff:${formatIPv4(bits & 0xffff_ffffn)}`;
  const text = groupsOf(bits, 8).join(':');
  let longest = '';
  for (const [run] of text.matchAll(/\b0(?::0)+\b/g)) if (run.length > longest.length) longest = run;
  if (longest === '') return text;
  const at = text.search(new RegExp(`\\b${longest}\\b`));
  const [left, right] = [text.slice(0, at).replace(/:$/, ''), text.slice(at + longest.length).replace(/^:/, '')];
  return `${left}::${right}`;
}

function groupsOf(bits: bigint, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    ((bits >> BigInt(16 * (count - 1 - index))) & 0xffffn).toString(16),
  );
}
