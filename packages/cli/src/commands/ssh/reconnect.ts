/** --reconnect: forwards that stay while their connection is lost and made anew. */
import { type ClientConnection, type ConnectOptions, connect, type KeptEvent, keepForwarding } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { connectOptions } from './connect-options.ts';
import { FatalError, failureStatus } from './end.ts';
import { describeConnectFailure, describeLostSession } from './failures.ts';
import { describeTarget } from './forward-words.ts';
import { openForwards } from './forwards.ts';
import type { Request } from './request.ts';

/** Without signs of life a network that is gone is noticed by nobody; these are for whoever set none. */
const defaultKeepalive = { intervalMs: 15_000, countMax: 3 };

/**
 * Opens the forwards and keeps them until a signal ends it, or something does that trying again cannot mend.
 *
 * @param onLogin - called once, when the forwards stand.
 * @returns the exit status.
 */
export async function keepForwards(request: Request, onLogin: () => Promise<void>): Promise<number> {
  const { log, reconnect = {} } = request;
  const { holdMs, ...backOff } = reconnect;
  const dial = makeDialler(request);
  let facts = { ...request, address: undefined as string | undefined };
  const joinTunnel = request.settings.tunnel === 'no' ? undefined : (await import('./tunnel.ts')).keepTunnel(request);
  const dialOnce = async (signal: AbortSignal) => {
    const connection = await dial(signal);
    await joinTunnel?.(connection);
    facts = { ...request, address: connection.address };
    return connection;
  };
  try {
    const kept = await keepForwarding(dialOnce, {
      backOff,
      ...(holdMs !== undefined && { holdMs }),
      onEvent: (event) => tellEvent(event, facts),
    });
    endBySignals(() => kept.close(), request);
    try {
      await openForwards(kept, request);
      await onLogin();
      const error = await kept.closed;
      if (error === undefined) return 0;
      for (const line of describeEnd(error, facts)) log.error(line);
      return failureStatus;
    } finally {
      await kept.close();
    }
  } catch (error) {
    if (error instanceof FatalError || !(error instanceof SshError)) throw error;
    for (const line of describeEnd(error, facts)) log.error(line);
    return failureStatus;
  }
}

/** One that asks the person for what is needed the first time, and nobody later. */
function makeDialler(request: Request): (signal: AbortSignal) => Promise<ClientConnection> {
  const passphrases = new Map<string, string>();
  let isFirst = true;
  return async (signal) => {
    const batch = { ...request, settings: { ...request.settings, batchMode: true } };
    const attempt = isFirst ? request : batch;
    isFirst = false;
    const options = connectOptions(attempt, () => {});
    const connection = await dialOnce(attempt, {
      ...options,
      passphrase: rememberPassphrase(options, passphrases),
      signal,
    });
    request.log.verbose(
      `Authenticated to ${request.host} (${connection.address === undefined ? 'via proxy' : `[${connection.address}]:${request.port}`}) using "${connection.login.methods.at(-1)}".`,
    );
    return connection;
  };
}

async function dialOnce(request: Request, options: ConnectOptions): Promise<ClientConnection> {
  const { settings } = request;
  const isStraight = settings.proxyJump === undefined && settings.proxyCommand === undefined;
  const way = isStraight ? undefined : await openWay(request);
  try {
    const connection = await connect(
      { host: request.host, port: request.port },
      { keepalive: defaultKeepalive, ...options, ...(way?.stream !== undefined && { stream: way.stream }) },
    );
    void connection.closed.then(() => way?.close());
    return connection;
  } catch (error) {
    await way?.close();
    throw error;
  }
}

/** What a jump host failed with decides whether it is tried again, as it does for the host itself. */
async function openWay(request: Request) {
  try {
    return await (await import('./way.ts')).openWay(request);
  } catch (error) {
    if (error instanceof FatalError && error.cause instanceof SshError) throw error.cause;
    throw error;
  }
}

/** A key's passphrase is asked for once; it is kept in memory, since nobody may be there to type it again. */
function rememberPassphrase(
  { passphrase: ask }: ConnectOptions,
  known: Map<string, string>,
): NonNullable<ConnectOptions['passphrase']> {
  return async (path, attempt) => {
    const before = attempt === 1 ? known.get(path) : undefined;
    if (before !== undefined) return before;
    const typed = await ask?.(path, attempt);
    if (typed !== undefined) known.set(path, typed);
    return typed;
  };
}

type Facts = Request & { readonly address: string | undefined };

function tellEvent(event: KeptEvent, facts: Facts): void {
  const { log, originalHost } = facts;
  switch (event.kind) {
    case 'lost':
      for (const line of describeLostSession(event.error, facts)) log.info(line);
      return;
    case 'retrying':
      log.info(
        `Connecting to ${originalHost} again in ${(event.inMs / 1000).toFixed(1)} seconds (attempt ${event.attempt}).`,
      );
      return;
    case 'failed':
      for (const line of describeConnectFailure(event.error, facts)) log.info(line);
      return;
    case 'restored':
      log.info(`Connected to ${originalHost} again.`);
      return;
    case 'remote-restored':
      if (event.forward.listen.kind === 'tcp' && event.forward.listen.port === 0 && event.listen.kind === 'tcp') {
        log.info(`Allocated port ${event.listen.port} for remote forward to ${describeTarget(event.forward.target)}`);
      }
      return;
    case 'remote-refused': {
      const { listen } = event.forward;
      const where = listen.kind === 'unix' ? `listen path ${listen.path}` : `listen port ${listen.port}`;
      const seconds = (event.retryInMs / 1000).toFixed(1);
      log.info(`Warning: remote port forwarding failed for ${where}; asking again in ${seconds} seconds.`);
    }
  }
}

function describeEnd(error: SshError, facts: Facts): string[] {
  const cause = error.cause instanceof FatalError ? error.cause : undefined;
  return cause === undefined ? describeConnectFailure(error, facts) : [cause.message];
}

/** As OpenSSH with -N: asked to end, it ends well; interrupted, it does not. */
function endBySignals(close: () => Promise<void>, { log }: Request): void {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
  for (const [name, number] of Object.entries(numbers)) {
    process.once(name, () => {
      log.verbose(`Killed by signal ${number}.`);
      void close().then(() => process.exit(name === 'SIGTERM' ? 0 : failureStatus));
    });
  }
}
