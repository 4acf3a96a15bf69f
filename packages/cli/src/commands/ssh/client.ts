/** ssh itself: from a request to a connection, a session, and an exit status. */
import type { Duplex } from 'node:stream';
import { isatty } from 'node:tty';
import { type ClientConnection, connect } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { connectOptions } from './connect-options.ts';
import { FatalError, failureStatus } from './end.ts';
import { describeConnectFailure, describeLostSession, type FailureFacts } from './failures.ts';
import type { ForwardSet } from './forwards.ts';
import type { Log } from './log.ts';
import { orUndefined } from './paths.ts';
import { type Request, readRequest } from './request.ts';
import { runSession, type SessionSurroundings, type TerminalWish } from './session.ts';

/** Does what the arguments say; resolves to the exit status. */
export async function runClient(args: readonly string[], log: Log): Promise<number> {
  const request = await readRequest(args, log);
  const { settings } = request;
  if (request.printConfig) {
    (await import('./print-config.ts')).printConfig(request);
    return 0;
  }
  const background = settings.forkAfterAuthentication ? await import('./background.ts') : undefined;
  if (background?.isInBackground() === false) return background.startInBackground();
  if (settings.refuseConnection !== undefined && settings.refuseConnection.text.toLowerCase() !== 'none') {
    throw new FatalError(`RefuseConnection: ${settings.refuseConnection.text}`);
  }
  const wish = terminalWish(request);
  const facts: { -readonly [K in keyof FailureFacts]: FailureFacts[K] } = { ...request, address: undefined };
  const startedMs = performance.now();
  const keys = log.shows('DEBUG1') ? await (await import('./identity-lines.ts')).identityLines(request) : [];
  const way = isStraight(request) ? undefined : await (await import('./way.ts')).openWay(request);
  let connection: ClientConnection;
  let socket: Duplex | undefined;
  try {
    const noteAddress = (address: string | undefined, carrier: Duplex) => {
      facts.address = address;
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
    for (const line of describeConnectFailure(error, facts)) log.error(line);
    return failureStatus;
  }
  const via = connection.login.methods.at(-1);
  const where = facts.address === undefined ? 'via proxy' : `[${facts.address}]:${request.port}`;
  log.verbose(`Authenticated to ${request.host} (${where}) using "${via}".`);
  watchSignals(connection, log);
  const qos = wish.wanted ? settings.ipQos.interactive : settings.ipQos.bulk;
  // Without a terminal the default is none, so that a plain command loads nothing for it.
  if (qos !== 'none' && socket !== undefined) {
    (await import('./type-of-service.ts')).setTypeOfService(socket, qos, request);
  }
  try {
    let forwards: ForwardSet | undefined;
    const openForwards = async () => {
      forwards ??= await (await import('./forwards.ts')).openForwards(connection, request);
      return forwards;
    };
    if (hasForwards(request)) await openForwards();
    if (asksForTunnel(request)) refuseTunnel(request);
    if (runsLocalCommand(request)) await (await import('./local-command.ts')).runLocalCommand(request);
    background?.reportLogin();
    const status = await serve(connection, request, { wish, openForwards });
    if (forwards !== undefined && forwards.connectionCount > 0) {
      log.debug(1, 'Waiting for forwarded connections to terminate...');
      await Promise.race([forwards.idle(), connection.closed]);
    }
    tellTraffic(connection, log, startedMs);
    log.debug(1, `Exit status ${status}`);
    return status < 0 ? failureStatus : status;
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    for (const line of describeLostSession(error, facts)) log.error(line);
    return failureStatus;
  } finally {
    await connection.close();
    await way?.close();
  }
}

/** No jump hosts and no program on the way: the common case, which need not load what they take. */
function isStraight({ settings }: Request): boolean {
  return settings.proxyJump === undefined && settings.proxyCommand === undefined;
}

function hasForwards({ settings }: Request): boolean {
  const { localForward, remoteForward, dynamicForward } = settings;
  return localForward.length + remoteForward.length + dynamicForward.length > 0;
}

function runsLocalCommand({ settings }: Request): boolean {
  return settings.permitLocalCommand && orUndefined(settings.localCommand) !== undefined;
}

function asksForTunnel({ settings }: Request): boolean {
  return settings.tunnel !== 'no';
}

/** As OpenSSH where the device cannot be opened: it goes on without, unless it must not. */
function refuseTunnel({ settings, log }: Request): void {
  const reason = 'this program cannot open tun devices; use -L, -R or -D, or OpenSSH for this host';
  if (settings.exitOnForwardFailure) throw new FatalError(`Could not request tunnel forwarding: ${reason}.`);
  log.error(`Could not request tunnel forwarding: ${reason}.`);
}

async function serve(connection: ClientConnection, request: Request, own: SessionSurroundings): Promise<number> {
  if (request.stdioForward !== undefined) {
    const { forwardStdio } = await import('./forward-stdio.ts');
    return forwardStdio(connection, request.stdioForward, request);
  }
  if (request.settings.sessionType === 'none') {
    const error = await connection.closed;
    throw error ?? new SshError('the connection was closed', { code: 'closed', stage: 'transport' });
  }
  return runSession(connection, request, own);
}

/** Whether the server is asked for a terminal: as the settings say, or where a shell is wanted and there is one here. */
function terminalWish({ settings, command, log }: Request): TerminalWish {
  const { requestTty } = settings;
  const isLocal = isatty(0) && !settings.stdinNull;
  const asked = requestTty === 'yes' || requestTty === 'force';
  let wanted = asked || (command === undefined && requestTty !== 'no' && settings.sessionType !== 'subsystem');
  if (wanted && !isLocal && requestTty !== 'force') {
    log.info('Pseudo-terminal will not be allocated because stdin is not a terminal.');
    wanted = false;
  }
  return { wanted, isLocal: wanted && isLocal };
}

/** As OpenSSH: a signal that ends the client ends the session in good order, with status 255. */
function watchSignals(connection: ClientConnection, log: Log): void {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
  for (const [name, number] of Object.entries(numbers)) {
    // Not `once`: what else watches for signals ends the process where it sees nobody left who does.
    process.on(name, () => {
      log.verbose(`Killed by signal ${number}.`);
      void connection.close().then(() => process.exit(failureStatus));
    });
  }
}

function tellTraffic(connection: ClientConnection, log: Log, startedMs: number): void {
  // Over a master the traffic is the master's.
  if (!log.shows('VERBOSE') || connection.algorithms === undefined) return;
  const seconds = (performance.now() - startedMs) / 1000;
  const { sentBytes, receivedBytes } = connection.traffic;
  log.verbose(`Transferred: sent ${sentBytes}, received ${receivedBytes} bytes, in ${seconds.toFixed(1)} seconds`);
  const rate = (bytes: number) => (bytes / seconds).toFixed(1);
  log.verbose(`Bytes per second: sent ${rate(sentBytes)}, received ${rate(receivedBytes)}`);
}
