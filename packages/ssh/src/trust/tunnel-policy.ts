/** Which tunnels a login may have: rules read in order, of which the first that fits decides, and none of which fitting allows. */
import { SshError } from '../errors.ts';
import { type Address, type AddressBlock, parseAddress, parseAddressBlock } from '../keys/address-blocks.ts';
import { maxPatternBytes } from '../limits.ts';
import { contains } from './addresses.ts';
import { matchPattern } from './patterns.ts';

/** `local`: the server connects for the client; `remote`: it listens for the client; `socket`: a Unix socket, in either way. */
export type TunnelDirection = 'local' | 'remote' | 'socket';

export interface TunnelRule {
  readonly isAllowed: boolean;
  readonly direction: TunnelDirection | 'any';
  /** At least one. */
  readonly destinations: readonly TunnelDestination[];
  /** As `parseTunnelRule` reads it, for dumps and logs. */
  readonly words: readonly string[];
}

/** What is meant: everything, sockets by path, hosts by the name that was asked for, or addresses by where the connection leads. */
export type TunnelDestination =
  | { readonly kind: 'everything' }
  | { readonly kind: 'path'; readonly glob: string }
  | { readonly kind: 'name'; readonly glob: string; readonly ports: PortRange }
  | { readonly kind: 'block'; readonly block: AddressBlock; readonly ports: PortRange };

/** Both ends are in it. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Where a tunnel leads. */
export type TunnelTarget =
  | {
      readonly direction: 'local' | 'remote';
      /** The name that was asked for. */
      readonly host: string;
      readonly port: number;
      /** Where that leads: one address, already looked up. */
      readonly address: string;
    }
  | {
      readonly direction: 'socket';
      /** Absolute, without `.` and `..`. */
      readonly path: string;
      /** The same without symbolic links. */
      readonly realPath: string;
    };

/**
 * Whether a target is allowed.
 *
 * A rule that denies fits a socket by either path. One that allows fits by the real path alone: else a link in a folder that is
 * allowed would lead out of it.
 *
 * @returns the rule that denies it; undefined where it is allowed.
 * @example
 * const rules = [parseTunnelRule(['deny', 'local', '169.254.0.0/16'])];
 * findDenial(rules, { direction: 'local', host: 'x.test', port: 80, address: '169.254.169.254' })?.words;
 */
export function findDenial(rules: readonly TunnelRule[], target: TunnelTarget): TunnelRule | undefined {
  const address = 'address' in target ? reachedAddress(target) : undefined;
  for (const rule of rules) {
    if (rule.direction !== 'any' && rule.direction !== target.direction) continue;
    const fits = rule.destinations.some((destination) => {
      if (destination.kind === 'everything') return true;
      if (target.direction === 'socket') return destination.kind === 'path' && fitsPath(destination.glob, target, rule);
      if (destination.kind === 'path' || !isWithin(target.port, destination.ports)) return false;
      if (destination.kind === 'name') return fitsName(target.host, destination.glob);
      // What is no address is in no block: a rule that denies must not be passed by because of it.
      return address === undefined ? !rule.isAllowed : contains(destination.block, address);
    });
    if (fits) return rule.isAllowed ? undefined : rule;
  }
  return undefined;
}

/**
 * What the rules say of a host before it has been looked up.
 *
 * @returns `unknown` where it depends on the addresses.
 */
export function judgeByName(
  rules: readonly TunnelRule[],
  { direction, host, port }: { readonly direction: 'local' | 'remote'; readonly host: string; readonly port: number },
): { readonly denial: TunnelRule | undefined } | 'unknown' {
  for (const rule of rules) {
    if (rule.direction !== 'any' && rule.direction !== direction) continue;
    const near = rule.destinations.filter(
      (one) => one.kind === 'everything' || (one.kind !== 'path' && isWithin(port, one.ports)),
    );
    const fits = near.some((one) => one.kind === 'everything' || (one.kind === 'name' && fitsName(host, one.glob)));
    if (fits) return { denial: rule.isAllowed ? undefined : rule };
    if (near.some(({ kind }) => kind === 'block')) return 'unknown';
  }
  return { denial: undefined };
}

/**
 * Reads the words of a rule: `allow|deny local|remote|socket|any DESTINATION…`, where a destination is `*`, the pattern of a
 * socket's path, or a host pattern, an address or a CIDR block with `:port`, `:from-to` or `:*` behind it; IPv6 in brackets.
 *
 * @throws SshError `bad-file` for what is none.
 * @example
 * parseTunnelRule(['allow', 'local', '*.db.example.com:5432', '[2001:db8::/32]:80-89']);
 */
export function parseTunnelRule(words: readonly string[]): TunnelRule {
  const [action = '', direction = '', ...places] = words;
  if (action !== 'allow' && action !== 'deny') throw badRule(`"${shown(action)}" is neither allow nor deny`);
  if (!isDirection(direction)) throw badRule(`"${shown(direction)}" is none of local, remote, socket and any`);
  if (places.length === 0) throw badRule('it names no destination');
  const destinations = places.map((place) => parseDestination(place, direction));
  return { isAllowed: action === 'allow', direction, destinations, words: [...words] };
}

/** An address in another spelling is the same one, and who connects to no address at all (0.0.0.0, ::) comes to this machine. */
function reachedAddress({ direction, address }: { direction: string; address: string }): Address | undefined {
  const read = parseAddress(address);
  if (direction !== 'local' || read?.bits !== 0n) return read;
  return parseAddress(read.family === 4 ? '127.0.0.1' : '::1');
}

function isDirection(word: string): word is TunnelRule['direction'] {
  return word === 'local' || word === 'remote' || word === 'socket' || word === 'any';
}

function parseDestination(text: string, direction: TunnelRule['direction']): TunnelDestination {
  if (text.length > maxPatternBytes) throw badRule(`at most ${maxPatternBytes} characters are allowed`);
  if (text === '*') return { kind: 'everything' };
  if (text.startsWith('/')) {
    if (direction !== 'socket' && direction !== 'any') throw badRule(`"${shown(text)}" is a path, and no host`);
    if (/\/\.{0,2}(?:\/|$)/.test(text))
      throw badRule(`"${shown(text)}" is no plain path: no //, . or .. and no / at its end`);
    return { kind: 'path', glob: text };
  }
  if (direction === 'socket') throw badRule(`"${shown(text)}" is no absolute path`);
  const [, bracketed, plain, portText = '*'] = /^(?:\[([^[\]]+)\]|([^:[\]]+))(?::([^:]*))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw badRule(`"${shown(text)}" is no host and port; IPv6 stands in brackets`);
  const ports = parsePorts(portText);
  if (ports === undefined) throw badRule(`"${shown(portText)}" is no port, no range of ports and no *`);
  const block = parseAddressBlock(host);
  if (typeof block === 'string') throw badRule(block);
  if (block !== undefined) return { kind: 'block', block, ports };
  if (bracketed !== undefined) throw badRule(`"${shown(host)}" is no address`);
  if (!/^[\w.*?-]+$/.test(host)) throw badRule(`"${shown(host)}" is no host pattern`);
  // The name that was asked for may be an address in many spellings, and any name may lead there.
  if (/\d/.test(host) && !/[^\d.*?]/.test(host))
    throw badRule(`"${shown(host)}" looks like addresses: write a CIDR block`);
  return { kind: 'name', glob: trimName(host), ports };
}

function parsePorts(text: string): PortRange | undefined {
  if (text === '*') return { first: 0, last: 65_535 };
  const [, first = '', last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  return first !== '' && range.first >= 1 && range.first <= range.last && range.last <= 65_535 ? range : undefined;
}

function isWithin(port: number, { first, last }: PortRange): boolean {
  return port >= first && port <= last;
}

function fitsName(host: string, glob: string): boolean {
  // Longer ones are no names, and nothing resolves them.
  return host.length <= maxPatternBytes && matchPattern(trimName(host), glob);
}

function fitsPath(glob: string, target: { path: string; realPath: string }, { isAllowed }: TunnelRule): boolean {
  return matchPattern(target.realPath, glob) || (!isAllowed && matchPattern(target.path, glob));
}

/** RFC 4343, and the dot at the end of a whole name. */
function trimName(name: string): string {
  return name.toLowerCase().replace(/(.)\.$/, '$1');
}

function shown(text: string): string {
  return text.slice(0, 100);
}

function badRule(reason: string): SshError {
  return new SshError(`tunnel rule: ${reason}`, {
    code: 'bad-file',
    stage: 'trust',
    remedy: 'Write, for example, "deny any 10.0.0.0/8:1-1023" or "allow local *.example.com:443".',
  });
}
