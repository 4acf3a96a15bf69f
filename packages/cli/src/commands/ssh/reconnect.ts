/** --reconnect: forwards that stay while their connection is lost and made anew. */
import { type ClientConnection, type ConnectOptions, type KeptEvent, keepForwarding } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { FatalError, failureStatus } from './end.ts';
import { describeConnectFailure, describeLostSession } from './failures.ts';
import { describeTarget } from './forward-words.ts';
import { openForwards } from './forwards.ts';
import { noFacts } from './log-in.ts';
import { openByWay } from './own-connection.ts';
import type { Request } from './request.ts';
import { watchSignals } from './signals.ts';

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
    const signals = watchSignals(() => kept.close(), request);
    try {
      await openForwards(kept, request);
      await onLogin();
      const error = await kept.closed;
      if (error === undefined) return signals.status ?? 0;
      for (const line of describeEnd(error, facts)) log.error(line);
      return failureStatus;
    } finally {
      await kept.close();
      signals.stop();
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
    return dialOnce(attempt, (options) => ({
      keepalive: defaultKeepalive,
      ...options,
      passphrase: rememberPassphrase(options, passphrases),
      signal,
    }));
  };
}

/** What a jump host failed with decides whether it is tried again, as it does for the host itself. */
async function dialOnce(
  request: Request,
  change: (options: ConnectOptions) => ConnectOptions,
): Promise<ClientConnection> {
  try {
    const { connection, close } = await openByWay(request, noFacts(request), { change });
    void connection.closed.then(close);
    return connection;
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
