/** The way to the host: straight, through jump hosts, or through a program. */
import type { Duplex } from 'node:stream';
import { type ClientConnection, connect, startProxyCommand } from '@nacre/ssh/client';
import { expandTokens } from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import { connectOptions } from './connect-options.ts';
import { type Destination, parseDestination } from './destination.ts';
import { FatalError } from './end.ts';
import { describeConnectFailure } from './failures.ts';
import { orUndefined } from './paths.ts';
import { type Request, readJumpRequest } from './request.ts';
import { shellTokens } from './shell-tokens.ts';

/** A stream to speak over; undefined where ssh connects by itself. */
export interface Way {
  readonly stream: Duplex | undefined;
  /** Ends the connections to jump hosts. */
  close(): Promise<void>;
}

const straight: Way = { stream: undefined, close: async () => {} };

/** Jump hosts whose own settings lead over jump hosts, and so on: somewhere that must end. */
const maxJumps = 16;

/**
 * Opens the way that the settings describe. Every jump host's key is checked, and every one has its own settings.
 *
 * @throws FatalError where a host on the way cannot be reached or does not let us through.
 */
export async function openWay(request: Request, depth = 0): Promise<Way> {
  const { settings } = request;
  const jump = orUndefined(settings.proxyJump);
  const command = orUndefined(settings.proxyCommand);
  const isJumpFirst = jump !== undefined && (command === undefined || comesFirst(request));
  if (isJumpFirst)
    return await jumpOver(parseJumps(expandTokens(jump, request.proxyTokens, 'ProxyJump')), request, depth);
  if (command === undefined) return straight;
  if (settings.proxyUseFdpass) {
    throw new FatalError('ProxyUseFdpass is not supported: this program cannot take over a socket from another one.');
  }
  const line = expandTokens(command, shellTokens(request.proxyTokens, 'ProxyCommand'), 'ProxyCommand');
  request.log.debug(1, `Executing proxy command: exec ${line}`);
  return { stream: startProxyCommand(line), close: async () => {} };
}

/** Of ProxyJump and ProxyCommand the one counts that was said first. */
function comesFirst({ config }: Request): boolean {
  const [jump] = config.origins.get('proxyJump') ?? [];
  const [command] = config.origins.get('proxyCommand') ?? [];
  if (jump === undefined || command === undefined) return jump !== undefined;
  return jump.line === 0 || (jump.file === command.file && jump.line < command.line);
}

/** `[user@]host[:port]` or `ssh://…`, separated by commas. */
export function parseJumps(text: string): Destination[] {
  return text.split(',').map((entry) => {
    const destination = parseJump(entry.trim());
    if (destination === undefined) throw new FatalError(`Invalid -J argument '${text}'`, { always: true });
    return destination;
  });
}

function parseJump(text: string): Destination | undefined {
  if (text.startsWith('ssh://')) return parseDestination(text);
  const match = /^(?:(.*)@)?(?:\[([^\]]+)\]|([^:[\]]+)|([0-9A-Fa-f:.%]+:[0-9A-Fa-f:.%]*))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, user, bracketed, plain, address, portText] = match;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  const found = parseDestination(`${user === undefined ? '' : `${user}@`}${bracketed ?? plain ?? address ?? ''}`);
  return found === undefined || port === undefined ? found : { ...found, port };
}

async function jumpOver(jumps: readonly Destination[], request: Request, depth: number): Promise<Way> {
  const open: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const each of [...open].reverse()) await each.close();
  };
  let stream: Duplex | undefined;
  try {
    for (const [index, jump] of jumps.entries()) {
      const hop = await readJumpRequest(jump, request);
      if (depth + index >= maxJumps) throw new FatalError(`More than ${maxJumps} jump hosts lead to ${request.host}.`);
      // The first one's own settings may lead over others; those after it are reached through the one before.
      const way = index === 0 ? await openWay(hop, depth + 1) : { stream, close: async () => {} };
      open.push(way);
      const connection = await connectTo(hop, way.stream);
      open.push(connection);
      const next = jumps[index + 1];
      const target = next === undefined ? request : await readJumpRequest(next, request);
      stream = await through(connection, hop, target);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { stream, close };
}

async function connectTo(hop: Request, stream: Duplex | undefined): Promise<ClientConnection> {
  let address: string | undefined;
  const options = connectOptions(hop, (found) => {
    address = found;
  });
  try {
    return await connect({ host: hop.host, port: hop.port }, { ...options, ...(stream !== undefined && { stream }) });
  } catch (error) {
    if (error instanceof FatalError) throw error;
    for (const line of describeConnectFailure(error, { ...hop, address })) hop.log.error(line);
    throw new FatalError(`Connection closed by UNKNOWN port 65535`);
  }
}

async function through(connection: ClientConnection, hop: Request, target: Request): Promise<Duplex> {
  try {
    return await connection.forwardTcp(target.host, target.port);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    hop.log.error(`channel 0: open failed: ${error.message}`);
    hop.log.error('stdio forwarding failed');
    throw new FatalError(`Connection closed by UNKNOWN port 65535`);
  }
}
