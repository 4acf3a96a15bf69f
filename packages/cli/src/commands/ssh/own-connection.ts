/** A connection of our own: the way to the host, and the login. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ClientConnection, connect } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { connectOptions } from './connect-options.ts';
import { FatalError } from './end.ts';
import { describeConnectFailure, type FailureFacts } from './failures.ts';
import type { Request } from './request.ts';
import type { TerminalWish } from './session.ts';

/** A connection that stands, whoever made it. */
export interface Opened {
  readonly connection: ClientConnection;
  readonly facts: FailureFacts;
  /** On the clock of performance.now(). */
  readonly startedMs: number;
  /** Ends it, and what it leads over. */
  close(): Promise<void>;
}

/** Connects and logs in; undefined where that failed, which the log tells. */
export async function openOwnConnection(request: Request, wish: TerminalWish): Promise<Opened | undefined> {
  const { log, settings } = request;
  const startedMs = performance.now();
  const facts: { -readonly [K in keyof FailureFacts]: FailureFacts[K] } = { ...request, address: undefined };
  const keys = log.shows('DEBUG1') ? await (await import('./identity-lines.ts')).identityLines(request) : [];
  const way = isStraight(request) ? undefined : await (await import('./way.ts')).openWay(request);
  // A dialer's socket (ProxyUseFdpass) leads straight to the host.
  const dialed = way?.stream instanceof Socket ? way.stream.remoteAddress : undefined;
  let connection: ClientConnection;
  let socket: Duplex | undefined;
  try {
    const noteAddress = (address: string | undefined, carrier: Duplex) => {
      facts.address = address ?? dialed;
      socket = carrier;
    };
    const options = connectOptions(request, noteAddress, keys);
    const stream = way?.stream;
    connection = await connect(
      { host: request.host, port: request.port },
      { ...options, ...(stream !== undefined && { stream }) },
    );
  } catch (error) {
    await way?.close();
    if (error instanceof FatalError) throw error;
    await explainRefusal(error, request);
    for (const line of describeConnectFailure(error, facts)) log.error(line);
    return undefined;
  }
  const via = connection.login.methods.at(-1);
  const where = facts.address === undefined ? 'via proxy' : `[${facts.address}]:${request.port}`;
  log.verbose(`Authenticated to ${request.host} (${where}) using "${via}".`);
  const qos = wish.wanted ? settings.ipQos.interactive : settings.ipQos.bulk;
  // Without a terminal the default is none, so that a plain command loads nothing for it.
  if (qos !== 'none' && socket !== undefined) {
    (await import('./type-of-service.ts')).setTypeOfService(socket, qos, request);
  }
  return {
    connection,
    facts,
    startedMs,
    async close() {
      await connection.close();
      await way?.close();
    },
  };
}

/** Why nobody was let in, in front of the one line that programs read. */
async function explainRefusal(error: unknown, request: Request): Promise<void> {
  if (!(error instanceof SshError) || error.authFailure === undefined) return;
  (await import('./login-report.ts')).tellRefusal(error.authFailure, request);
}

/** No jump hosts and no program on the way: the common case, which need not load what they take. */
function isStraight({ settings }: Request): boolean {
  return settings.proxyJump === undefined && settings.proxyCommand === undefined;
}
