/** ssh itself: from a request to a connection, a session, and an exit status. */
import { isatty } from 'node:tty';
import { type ClientConnection, type ConnectOptions, connect } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { chooseAlgorithms } from './algorithms.ts';
import { FatalError, failureStatus } from './end.ts';
import { describeConnectFailure, describeLostSession, type FailureFacts } from './failures.ts';
import { hostTrust } from './host-trust.ts';
import type { Log } from './log.ts';
import { loginOptions } from './login.ts';
import { type Request, readRequest } from './request.ts';
import { runSession, type TerminalWish } from './session.ts';

/** Does what the arguments say; resolves to the exit status. */
export async function runClient(args: readonly string[], log: Log): Promise<number> {
  const request = readRequest(args, log);
  const { settings } = request;
  const background = request.background ? await import('./background.ts') : undefined;
  if (background?.isInBackground() === false) return background.startInBackground();
  if (settings.refuseConnection !== undefined && settings.refuseConnection.toLowerCase() !== 'none') {
    throw new FatalError(`RefuseConnection: ${settings.refuseConnection}`);
  }
  const wish = terminalWish(request);
  const facts: { -readonly [K in keyof FailureFacts]: FailureFacts[K] } = { ...request, address: undefined };
  const startedMs = performance.now();
  let connection: ClientConnection;
  try {
    connection = await connect(
      { host: request.host, port: request.port },
      connectOptions(request, (address) => {
        facts.address = address;
      }),
    );
  } catch (error) {
    if (error instanceof FatalError) throw error;
    for (const line of describeConnectFailure(error, facts)) log.error(line);
    return failureStatus;
  }
  const via = connection.login.methods.at(-1);
  log.verbose(`Authenticated to ${request.host} ([${facts.address}]:${request.port}) using "${via}".`);
  background?.reportLogin();
  watchSignals(connection, log);
  try {
    const status = await serve(connection, request, wish);
    tellTraffic(connection, log, startedMs);
    log.debug(1, `Exit status ${status}`);
    return status;
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    for (const line of describeLostSession(error, facts)) log.error(line);
    return failureStatus;
  } finally {
    await connection.close();
  }
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
  const { requestTty = 'auto' } = settings;
  const isLocal = isatty(0) && settings.stdinNull !== true;
  const asked = requestTty === 'yes' || requestTty === 'force';
  let wanted = asked || (command === undefined && requestTty !== 'no' && settings.sessionType !== 'subsystem');
  if (wanted && !isLocal && requestTty !== 'force') {
    log.info('Pseudo-terminal will not be allocated because stdin is not a terminal.');
    wanted = false;
  }
  return { wanted, isLocal: wanted && isLocal };
}

/** The options of connect() that a request amounts to; ssh-copy-id connects by them as well. */
export function connectOptions(request: Request, onAddress: (address: string | undefined) => void): ConnectOptions {
  const { settings, log, user, host, port } = request;
  const trust = hostTrust(request);
  const { addressFamily = 'any', rekeyLimit, serverAliveIntervalMs = 0, serverAliveCountMax } = settings;
  return {
    ...loginOptions(request, trust),
    hostKeys: trust.policy,
    user,
    algorithms: chooseAlgorithms(settings, log),
    timeoutMs: settings.connectTimeoutMs ?? 0,
    attempts: settings.connectionAttempts ?? 1,
    ...(settings.requiredRsaSize !== undefined && { requiredRsaBits: settings.requiredRsaSize }),
    ...(rekeyLimit && { rekey: rekeyLimit }),
    ...(serverAliveIntervalMs > 0 && {
      keepalive: {
        intervalMs: serverAliveIntervalMs,
        ...(serverAliveCountMax !== undefined && { countMax: serverAliveCountMax }),
      },
    }),
    ...(addressFamily !== 'any' && { family: addressFamily === 'inet' ? 4 : 6 }),
    ...(settings.bindAddress !== undefined && { localAddress: settings.bindAddress }),
    onConnect: ({ address }) => {
      onAddress(address);
      log.debug(1, 'Connection established.');
    },
    onHandshake: () => log.debug(1, `Authenticating to ${host}:${port} as '${user}'`),
    log: (level, text) => log.debug(level, text),
    onNotice: (text) => log.info(text),
  };
}

/** As OpenSSH: a signal that ends the client ends the session in good order, with status 255. */
function watchSignals(connection: ClientConnection, log: Log): void {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
  for (const [name, number] of Object.entries(numbers)) {
    process.once(name, () => {
      log.verbose(`Killed by signal ${number}.`);
      void connection.close().then(() => process.exit(failureStatus));
    });
  }
}

function tellTraffic(connection: ClientConnection, log: Log, startedMs: number): void {
  if (!log.shows('VERBOSE')) return;
  const seconds = (performance.now() - startedMs) / 1000;
  const { sentBytes, receivedBytes } = connection.traffic;
  log.verbose(`Transferred: sent ${sentBytes}, received ${receivedBytes} bytes, in ${seconds.toFixed(1)} seconds`);
  const rate = (bytes: number) => (bytes / seconds).toFixed(1);
  log.verbose(`Bytes per second: sent ${rate(sentBytes)}, received ${rate(receivedBytes)}`);
}
