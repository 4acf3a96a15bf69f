/** ssh itself: from a request to a connection, a session, and an exit status. */
import { isatty } from 'node:tty';
import { type ClientConnection, connect } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { connectOptions } from './connect-options.ts';
import { FatalError, failureStatus } from './end.ts';
import { describeConnectFailure, describeLostSession, type FailureFacts } from './failures.ts';
import { finishLearning, settleHostKeyQuestion } from './host-trust.ts';
import type { Log } from './log.ts';
import { type Request, readRequest } from './request.ts';
import { runSession, type TerminalWish } from './session.ts';

/** Does what the arguments say; resolves to the exit status. */
export async function runClient(args: readonly string[], log: Log): Promise<number> {
  const request = await readRequest(args, log);
  const { settings } = request;
  if (request.printConfig) {
    await (await import('./print-config.ts')).printConfig(request);
    return 0;
  }
  const background = settings.forkAfterAuthentication ? await import('./background.ts') : undefined;
  if (background?.isInBackground() === false) return background.startInBackground();
  if (settings.refuseConnection !== undefined && settings.refuseConnection.text.toLowerCase() !== 'none') {
    throw new FatalError(`RefuseConnection: ${settings.refuseConnection.text}`);
  }
  if (request.reconnect !== undefined) {
    const { keepForwards } = await import('./reconnect.ts');
    return keepForwards(request, () => background?.reportLogin());
  }
  const wish = terminalWish(request);
  const facts: { -readonly [K in keyof FailureFacts]: FailureFacts[K] } = { ...request, address: undefined };
  const startedMs = performance.now();
  const way = isStraight(request) ? undefined : await (await import('./way.ts')).openWay(request);
  let connection: ClientConnection;
  try {
    const options = connectOptions(request, (address) => {
      facts.address = address;
    });
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
    return failureStatus;
  }
  const via = connection.login.methods.at(-1);
  const where = facts.address === undefined ? 'via proxy' : `[${facts.address}]:${request.port}`;
  log.verbose(`Authenticated to ${request.host} (${where}) using "${via}".`);
  const ended = watchSignals(connection, request);
  try {
    const forwards = hasForwards(request)
      ? await (await import('./forwards.ts')).openForwards(connection, request)
      : undefined;
    await settleHostKeyQuestion(connection, request);
    background?.reportLogin();
    const status = await serve(connection, request, wish);
    if (forwards !== undefined && forwards.connectionCount > 0) {
      log.debug(1, 'Waiting for forwarded connections to terminate...');
      await Promise.race([forwards.idle(), connection.closed]);
    }
    await finishLearning(connection);
    tellTraffic(connection, log, startedMs);
    log.debug(1, `Exit status ${status}`);
    return status;
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    // It was us who closed it, and the signal's status is ours.
    if (ended.status !== undefined) return ended.status;
    for (const line of describeLostSession(error, facts)) log.error(line);
    return failureStatus;
  } finally {
    await connection.close();
    await way?.close();
  }
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

function hasForwards({ settings }: Request): boolean {
  const { localForward, remoteForward, dynamicForward } = settings;
  return localForward.length + remoteForward.length + dynamicForward.length > 0;
}

async function serve(connection: ClientConnection, request: Request, wish: TerminalWish): Promise<number> {
  if (request.stdioForward !== undefined) {
    const { forwardStdio } = await import('./forward-stdio.ts');
    return forwardStdio(connection, request.stdioForward, request);
  }
  if (request.settings.sessionType === 'none') {
    const error = await connection.closed;
    throw error ?? new SshError('the connection was closed', { code: 'closed', stage: 'transport' });
  }
  return runSession(connection, request, wish);
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

/** As OpenSSH: a signal that ends the client ends the session in good order, with status 255; -N that is asked to end has done well. */
function watchSignals(
  connection: ClientConnection,
  { log, settings }: Request,
): { readonly status: number | undefined } {
  const ended: { status: number | undefined } = { status: undefined };
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
  for (const [name, number] of Object.entries(numbers)) {
    process.once(name, () => {
      log.verbose(`Killed by signal ${number}.`);
      const status = name === 'SIGTERM' && settings.sessionType === 'none' ? 0 : failureStatus;
      ended.status = status;
      void connection.close().then(() => process.exit(status));
    });
  }
  return ended;
}

function tellTraffic(connection: ClientConnection, log: Log, startedMs: number): void {
  if (!log.shows('VERBOSE')) return;
  const seconds = (performance.now() - startedMs) / 1000;
  const { sentBytes, receivedBytes } = connection.traffic;
  log.verbose(`Transferred: sent ${sentBytes}, received ${receivedBytes} bytes, in ${seconds.toFixed(1)} seconds`);
  const rate = (bytes: number) => (bytes / seconds).toFixed(1);
  log.verbose(`Bytes per second: sent ${rate(sentBytes)}, received ${rate(receivedBytes)}`);
}
