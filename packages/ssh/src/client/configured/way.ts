/** The way to a host as its settings describe it: straight, through jump hosts, or through a program. */
import type { Duplex } from 'node:stream';
import { type ClientConfig, expandTokens, proxyTokens, shellTokens, tokenFacts } from '../../config/index.ts';
import { SshError } from '../../errors.ts';
import type { DescriptorCalls } from '../passed-descriptors.ts';
import { startProxyCommand } from '../proxy-command.ts';
import { type JumpHost, parseJumpHosts } from './jump-hosts.ts';

/** A host on the way, or at its end, with its own settings. */
export interface Station {
  readonly config: ClientConfig;
  /**
   * A jump host that this one's settings name, with the settings that the files have for it.
   *
   * @param over - ProxyJump of that host where this one's names jump hosts in front of it; otherwise its own settings say.
   */
  readStation(jump: JumpHost, over: string | undefined): Promise<Station>;
  /** A connection to this host that stands already (ControlMaster); asked for before anything on the way to it is connected. */
  share?(): Promise<StationConnection | undefined>;
  /** Logs in to this host: over the stream, or straight where there is none. Its key is checked as its own settings say. */
  connect(stream: Duplex | undefined): Promise<StationConnection>;
  readonly log?: (level: 1 | 2 | 3, text: string) => void;
}

/** What the way needs of a connection to a host on it. */
export interface StationConnection {
  forwardTcp(host: string, port: number, options?: { readonly signal?: AbortSignal }): Promise<Duplex>;
  close(): Promise<void>;
}

export interface WayOptions {
  readonly signal?: AbortSignal;
  /** For ProxyUseFdpass, asked when a program is to pass its connection; without it such a host is refused. */
  readonly descriptors?: () => DescriptorCalls | undefined;
}

export interface Way {
  /** What to speak over; undefined where the host is connected to straight. */
  readonly stream: Duplex | undefined;
  /** Ends the connections to the jump hosts, the last one first. */
  close(): Promise<void>;
}

/** Jump hosts whose own settings lead over jump hosts, and so on: somewhere that must end. */
const maxJumpHosts = 16;

/**
 * Opens the way to a host, up to the stream that the connection to it goes over.
 *
 * @throws SshError of the host on the way that cannot be reached or does not let us through; nothing is left open then.
 * @example
 * const way = await openWay(station);
 * const server = await station.connect(way.stream);
 */
export async function openWay(station: Station, options: WayOptions = {}): Promise<Way> {
  return await openFrom(station, options, 0);
}

/** The jump hosts that a configuration names, first one first; none for `none` and for a program in their place. */
export function jumpHostsOf(config: ClientConfig): JumpHost[] {
  const text = jumpText(config);
  return text === undefined ? [] : parseJumpHosts(text, config.origins.get('proxyJump')?.[0]);
}

function jumpText(config: ClientConfig): string | undefined {
  const { proxyJump } = config.settings;
  if (proxyJump === undefined || isNone(proxyJump)) return undefined;
  return expandTokens(proxyJump, proxyTokens(tokenFacts(config)), 'ProxyJump');
}

/**
 * The line that ProxyCommand gives to the shell; undefined where there is none.
 *
 * @throws SshError `bad-file` where a name that goes into it holds what a shell would act upon: names may come from a
 *   repository's list of submodules, or from a page (CVE-2023-51385, CVE-2025-61984).
 */
export function proxyCommandOf(config: ClientConfig): string | undefined {
  const { proxyCommand } = config.settings;
  if (proxyCommand === undefined || isNone(proxyCommand)) return undefined;
  return expandTokens(proxyCommand, shellTokens(proxyTokens(tokenFacts(config)), 'ProxyCommand'), 'ProxyCommand');
}

async function openFrom(station: Station, options: WayOptions, depth: number): Promise<Way> {
  const { config } = station;
  const jumps = jumpHostsOf(config);
  if (jumps.length > 0) return await jumpOver(jumps, station, options, depth);
  const command = proxyCommandOf(config);
  if (command === undefined) return { stream: undefined, close: async () => {} };
  if (config.settings.proxyUseFdpass) return await dialBy(command, station, options);
  station.log?.(1, `Executing proxy command: exec ${command}`);
  return { stream: startProxyCommand(command), close: async () => {} };
}

async function dialBy(command: string, { log }: Station, { descriptors, signal }: WayOptions): Promise<Way> {
  const calls = descriptors?.();
  if (calls === undefined) throw noFdpass();
  log?.(1, `Executing proxy dialer command: exec ${command}`);
  const { runProxyDialer } = await import('../proxy-dialer.ts');
  return { stream: await runProxyDialer(command, calls, { signal }), close: async () => {} };
}

/** The last one first: it may be connected already, and its own settings say how the way to it begins. */
async function jumpOver(jumps: readonly JumpHost[], end: Station, options: WayOptions, depth: number): Promise<Way> {
  if (depth + jumps.length > maxJumpHosts) throw tooLong(end.config);
  const last = jumps.at(-1) as JumpHost;
  const station = await end.readStation(last, textBefore(end.config));
  const open: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const each of open.reverse().splice(0)) await each.close();
  };
  try {
    let connection = await station.share?.();
    if (connection === undefined) {
      const way = await openFrom(station, options, depth + 1);
      open.push(way);
      connection = await station.connect(way.stream);
    }
    open.push(connection);
    const { host, settings } = end.config;
    return { stream: await connection.forwardTcp(host, settings.port, options), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What stands in front of the last jump host. Its tokens are expanded, and it is going to be expanded once more. */
function textBefore(config: ClientConfig): string | undefined {
  const text = jumpText(config) ?? '';
  const at = text.lastIndexOf(',');
  return at < 0 ? undefined : text.slice(0, at).replaceAll('%', '%%');
}

function isNone(text: string): boolean {
  return text.toLowerCase() === 'none';
}

function tooLong({ originalHost }: ClientConfig): SshError {
  return new SshError(`More than ${maxJumpHosts} jump hosts lead to ${originalHost}.`, {
    code: 'limit-exceeded',
    stage: 'config',
    remedy: 'Look for jump hosts whose own ProxyJump leads back to themselves; "ProxyJump none" ends such a circle.',
  });
}

function noFdpass(): SshError {
  return new SshError('ProxyUseFdpass is not supported here: nothing is at hand that could take over a socket.', {
    code: 'unsupported',
    stage: 'config',
    remedy: 'Have the ProxyCommand carry the bytes itself, as nc does without -F, and set ProxyUseFdpass no.',
  });
}
