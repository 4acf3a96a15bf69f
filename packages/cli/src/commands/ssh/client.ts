/** ssh itself: from a request to a connection, a session, and an exit status. */
import { isatty } from 'node:tty';
import type { ClientConnection } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { FatalError, failureStatus } from './end.ts';
import { describeLostSession } from './failures.ts';
import type { ForwardSet } from './forwards.ts';
import { finishLearning, settleHostKeyQuestion } from './host-trust.ts';
import type { Log } from './log.ts';
import type { Opened } from './own-connection.ts';
import { orUndefined } from './paths.ts';
import { type Request, readRequest, requireNotRefused } from './request.ts';
import { isJumpMaster, role } from './role.ts';
import { runSession, type SessionSurroundings, type TerminalWish } from './session.ts';
import type { Sharing } from './shared/master.ts';
import { watchSignals } from './signals.ts';
import type { OpenTunnel } from './tunnel.ts';

/** Does what the arguments say; resolves to the exit status. */
export async function runClient(args: readonly string[], log: Log): Promise<number> {
  const request = await readQuietly(args, log);
  const { settings, controlCommand } = request;
  if (request.printConfig) {
    await (await import('./print-config.ts')).printConfig(request);
    return 0;
  }
  if (controlCommand !== undefined && controlCommand !== 'proxy') {
    return (await import('./shared/command.ts')).runControlCommand(request, controlCommand);
  }
  if (settings.forkAfterAuthentication && role === 'foreground') {
    const status = await (await import('./background.ts')).startProcess('background');
    return status === 'ready' ? 0 : status;
  }
  requireNotRefused(request);
  if (request.reconnect !== undefined) {
    const { keepForwards } = await import('./reconnect.ts');
    return keepForwards(request, () => leaveForeground(request, undefined));
  }
  const wish = terminalWish(request);
  const path = await findControlPath(request);
  const status = path === undefined ? undefined : await runThroughMaster(request, wish, path);
  if (status !== undefined) return status;
  const { openOwnConnection } = await import('./own-connection.ts');
  const opened = await openOwnConnection(request, wish);
  const place = settings.controlMaster === 'no' ? undefined : path;
  return opened === undefined ? failureStatus : runOver(opened, request, wish, place);
}

/** Undefined where no master takes us: ssh connects by itself then. */
async function runThroughMaster(request: Request, wish: TerminalWish, path: string): Promise<number | undefined> {
  const { settings, controlCommand, log } = request;
  const connection = await (await import('./shared/reach.ts')).reachMaster(request, path);
  if (connection === undefined || typeof connection === 'number') return connection;
  const facts = { ...request, address: undefined };
  const opened = { connection, facts, startedMs: process.uptime() * 1000, close: () => connection.close() };
  // The forwards are the master's, unless ssh -O proxy asked for nothing but the connection.
  const clearAllForwardings = settings.clearAllForwardings || controlCommand !== 'proxy';
  const shared = { ...request, sharing: 'through', settings: { ...settings, clearAllForwardings } } as const;
  try {
    return await runOver(opened, shared, wish);
  } catch (error) {
    if (!(error instanceof SessionRefused) || controlCommand === 'proxy') throw error;
    log.error(`mux_client_request_session: ${error.message}`);
    return undefined;
  }
}

/** Of two processes of one command only the first tells what it reads. */
async function readQuietly(args: readonly string[], log: Log): Promise<Request> {
  log.isHushed = role !== 'foreground';
  try {
    return await readRequest(args, log);
  } finally {
    log.isHushed = false;
  }
}

async function findControlPath(request: Request): Promise<string | undefined> {
  if (request.settings.controlPath === undefined && request.controlCommand === undefined) return undefined;
  return (await import('./shared/control-path.ts')).controlPath(request);
}

/** Everything after login, up to the end of the connection; `path` is where it is to be shared. */
async function runOver(opened: Opened, request: Request, wish: TerminalWish, path?: string): Promise<number> {
  const { connection, startedMs } = opened;
  const { log } = request;
  const ended = watchSignals(() => connection.close(), request);
  let sharing: Sharing | undefined;
  try {
    let forwards: ForwardSet | undefined;
    const openForwards = async () => {
      forwards ??= await (await import('./forwards.ts')).openForwards(connection, request);
      return forwards;
    };
    if (needsForwards(request, path)) await openForwards();
    const tunnel = request.sharing === undefined ? await startLocalParts(connection, request) : undefined;
    if (path !== undefined) sharing = await startSharing(connection, request, path, await openForwards());
    await settleHostKeyQuestion(connection, request);
    if (isJumpMaster && sharing === undefined) return 0;
    // As OpenSSH: whoever goes through a master stays until it has its session, since it may have to log in by itself.
    const leavesLate = role === 'background' && request.sharing === 'through' && asksForSession(request);
    if (role !== 'foreground' && !leavesLate) await leaveForeground(request, sharing);
    if (role === 'master' && sharing !== undefined) {
      // As OpenSSH's, so that ps tells a master by its socket.
      process.title = `ssh: ${path} [mux]`;
      await sharing.persist();
      return failureStatus;
    }
    const shared = sharing === undefined ? request : { ...request, sharing: 'master' as const };
    const onOpen = async () => {
      if (leavesLate) await leaveForeground(request, undefined);
    };
    const status = await serve(connection, shared, { wish, openForwards, onOpen });
    await waitForOthers(connection, log, forwards, sharing);
    await tunnel?.closed;
    await finishLearning(connection);
    if (request.sharing === undefined) tellTraffic(connection, log, startedMs);
    log.debug(1, `Exit status ${status}`);
    return status < 0 ? failureStatus : status;
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    // It was us who closed it, and the signal's status is ours.
    if (ended.status !== undefined) return ended.status;
    // By ~. or by ssh -O exit: whoever did it knows.
    if (error.code === 'closed') return failureStatus;
    if (isRefusal(error, request)) throw new SessionRefused();
    for (const line of describeEnd(error, opened, request)) log.error(line);
    return failureStatus;
  } finally {
    await sharing?.close();
    await opened.close();
    ended.stop();
  }
}

/** A master needs them even where there are none yet: its clients open more. */
function needsForwards({ settings }: Request, path: string | undefined): boolean {
  if (path !== undefined) return true;
  const { localForward, remoteForward, dynamicForward, clearAllForwardings } = settings;
  return !clearAllForwardings && localForward.length + remoteForward.length + dynamicForward.length > 0;
}

async function startSharing(
  connection: ClientConnection,
  request: Request,
  path: string,
  forwards: ForwardSet,
): Promise<Sharing | undefined> {
  return (await import('./shared/master.ts')).shareConnection(connection, request, path, forwards);
}

/** What happens here once for a connection, before any session. */
async function startLocalParts(connection: ClientConnection, request: Request): Promise<OpenTunnel | undefined> {
  let tunnel: OpenTunnel | undefined;
  if (request.settings.tunnel !== 'no') tunnel = await (await import('./tunnel.ts')).openTunnel(connection, request);
  if (runsLocalCommand(request)) await (await import('./local-command.ts')).runLocalCommand(request, tunnel?.name);
  return tunnel;
}

/** A process that stays lets the one go that waits for it. A master that nobody can reach does the work itself, here. */
async function leaveForeground({ settings, log }: Request, sharing: Sharing | undefined): Promise<void> {
  if (role === 'master' && sharing === undefined) return;
  const { reportReady } = await import('./background.ts');
  const hasOutput = role === 'background' && settings.sessionType !== 'none';
  const streams = hasOutput ? [0] : log.shows('DEBUG1') ? [0, 1] : [0, 1, 2];
  await reportReady({ streams });
}

function runsLocalCommand({ settings }: Request): boolean {
  return settings.permitLocalCommand && orUndefined(settings.localCommand) !== undefined;
}

async function serve(connection: ClientConnection, request: Request, own: SessionSurroundings): Promise<number> {
  if (request.stdioForward !== undefined) {
    const { forwardStdio } = await import('./forward-stdio.ts');
    return forwardStdio(connection, request.stdioForward, request);
  }
  if (request.settings.sessionType === 'none') {
    request.log.debug(1, 'Entering interactive session.');
    const error = await connection.closed;
    throw error ?? new SshError('the connection was closed', { code: 'closed', stage: 'transport' });
  }
  return runSession(connection, request, own);
}

/** Our own session has ended; what goes over the connection besides has not. */
async function waitForOthers(
  connection: ClientConnection,
  log: Log,
  forwards: ForwardSet | undefined,
  sharing: Sharing | undefined,
): Promise<void> {
  if (forwards !== undefined && forwards.connectionCount > 0) {
    log.debug(1, 'Waiting for forwarded connections to terminate...');
    await Promise.race([forwards.idle(), connection.closed]);
  }
  await sharing?.idle();
}

/** The server gives the master no further session (MaxSessions): a connection of our own may still have one. */
class SessionRefused extends FatalError {
  constructor() {
    super('session request failed: Session open refused by peer');
  }
}

function isRefusal({ code }: SshError, request: Request): boolean {
  return request.sharing === 'through' && asksForSession(request) && code === 'channel-open-refused';
}

function asksForSession({ stdioForward, settings }: Request): boolean {
  return stdioForward === undefined && settings.sessionType !== 'none';
}

function describeEnd(error: SshError, { facts }: Opened, { sharing, host }: Request): string[] {
  if (sharing !== 'through' || error.code !== 'connection-lost') return describeLostSession(error, facts);
  return [`Shared connection to ${host} closed: its master has ended.`];
}

/** Whether the server is asked for a terminal: as the settings say, or where a shell is wanted and there is one here. */
function terminalWish({ settings, command, log }: Request): TerminalWish {
  const { requestTty } = settings;
  const isLocal = isatty(0) && !settings.stdinNull;
  const asked = requestTty === 'yes' || requestTty === 'force';
  let wanted = asked || (command === undefined && requestTty !== 'no' && settings.sessionType !== 'subsystem');
  if (wanted && !isLocal && requestTty !== 'force') {
    if (role === 'foreground') log.info('Pseudo-terminal will not be allocated because stdin is not a terminal.');
    wanted = false;
  }
  return { wanted, isLocal: wanted && isLocal };
}

function tellTraffic(connection: ClientConnection, log: Log, startedMs: number): void {
  // Over a master the traffic is the master's.
  if (!log.shows('VERBOSE') || connection.algorithms === undefined) return;
  const seconds = process.uptime() - startedMs / 1000;
  const { sentBytes, receivedBytes } = connection.traffic;
  log.verbose(`Transferred: sent ${sentBytes}, received ${receivedBytes} bytes, in ${seconds.toFixed(1)} seconds`);
  const rate = (bytes: number) => (bytes / seconds).toFixed(1);
  log.verbose(`Bytes per second: sent ${rate(sentBytes)}, received ${rate(receivedBytes)}`);
}
