/** The server as a process: listens, heeds signals, reads its configuration again, and outlives every error. */

import { createServer, type SshServer } from '@nacre/ssh/server';
import { writePidFile } from '../../os/index.ts';
import { resolveAddresses, type SocketAddress } from './addresses.ts';
import type { Log } from './log.ts';
import { openPorts, type Port, takePorts } from './ports.ts';
import { closeProcesses, needsProcesses, startProcesses } from './processes/index.ts';
import { buildServerOptions, type ServerParts, workerSettings } from './server.ts';
import { Services } from './services.ts';
import { SourceLimits } from './source-limits.ts';
import type { Notify } from './supervisor.ts';
import { LocalTunnelBooks } from './tunnel-books.ts';
import { warmUp } from './warm-up.ts';

export interface DaemonOptions {
  /** Reads configuration and keys; called again at SIGHUP. */
  load(): Promise<ServerParts>;
  readonly log: Log;
  /** Serves one connection and returns (`-d`). */
  readonly once?: boolean;
  /** Called when the ports are open. */
  onListening?(addresses: readonly SocketAddress[]): void;
  /** Sockets that are open already, in place of those that the configuration names. */
  readonly sockets?: readonly number[];
  readonly notify?: Notify;
  /** Ends the server when aborted, as SIGTERM does. */
  readonly signal?: AbortSignal;
}

/** The exit status of OpenSSH's fatal errors. */
export const fatalExit = 255;

/** Serves until a signal ends it; gives the exit status. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const { log, sockets = [], notify = () => {} } = options;
  surviveErrors(log);
  const books = new LocalTunnelBooks();
  const parts = { ...(await options.load()), books };
  const limits = new SourceLimits(parts.config.settings);
  const processes = needsProcesses()
    ? await startProcesses(workerSettings(parts), log, books, options.once ? 1 : undefined)
    : undefined;
  const services = new Services({ log, limits, listeners: () => addresses });
  const server = createServer(buildServerOptions({ ...parts, watch: services.watch }, limits, processes));
  let addresses: readonly Port[] = [];
  addresses =
    sockets.length > 0
      ? await takePorts(server, sockets, log)
      : await openPorts(server, await resolveAddresses(parts.config.settings, log), [], log);
  if (addresses.length === 0) {
    log('FATAL', 'Cannot bind any address.');
    if (processes !== undefined) await closeProcesses(processes);
    return fatalExit;
  }
  const { pidFile } = parts.config.settings;
  const removePidFile = pidFile === undefined || options.once ? () => {} : tryWritePidFile(pidFile, log);
  let { drainSeconds } = parts.config.settings;
  if (!options.once) {
    services.serve(server);
    await services.configure(parts.config.settings);
  }
  options.onListening?.(addresses);
  notify('ready');
  if (processes === undefined) void warmUp();
  /** Whatever goes wrong, the server goes on as it was. */
  const reload = async (): Promise<void> => {
    log('INFO', 'Received SIGHUP; restarting.');
    notify('reloading');
    try {
      const next = { ...(await options.load()), books };
      const wanted = sockets.length > 0 ? addresses : await resolveAddresses(next.config.settings, log);
      server.reconfigure(buildServerOptions({ ...next, watch: services.watch }, limits, processes));
      // In the same turn: keys are named by their place among those that both know.
      processes?.workers.configure(workerSettings(next));
      drainSeconds = next.config.settings.drainSeconds;
      // Those of the old ones that are wanted stay open throughout: nobody who connects meanwhile is turned away.
      const open = await openPorts(server, wanted, addresses, log);
      for (const old of open.length === 0 ? [] : addresses) if (!open.includes(old)) old.stop();
      if (open.length > 0) addresses = open;
      await services.configure(next.config.settings);
    } catch (error) {
      for (const line of (error as Error).message.split('\n')) log('ERROR', line);
      log('ERROR', 'the configuration was not read again; the one before goes on');
    }
    notify('ready');
  };
  // One after the other, however fast they come.
  let reloading = Promise.resolve();
  const onHangUp = () => {
    reloading = reloading.then(reload);
  };
  process.on('SIGHUP', onHangUp);
  try {
    const reason = await (options.once ? Promise.race([onlyConnection(server), ended(options)]) : ended(options));
    if (reason !== undefined) log('INFO', reason);
    notify('stopping');
    services.drain();
    if (reason !== undefined && drainSeconds > 0) await drain(server, drainSeconds, options);
    await server.close();
  } finally {
    if (processes !== undefined) await closeProcesses(processes);
    process.off('SIGHUP', onHangUp);
    services.close();
    removePidFile();
  }
  return 0;
}

/** Settles with the log's line when the process is told to end. */
function ended({ signal }: DaemonOptions): Promise<string | undefined> {
  return new Promise((resolve) => {
    for (const [name, number] of [
      ['SIGTERM', 15],
      ['SIGINT', 2],
      ['SIGQUIT', 3],
    ] as const) {
      process.once(name, () => resolve(`Received signal ${number}; terminating.`));
    }
    signal?.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** Takes no new connections, and waits until those that are open have ended, the time is over, or a second signal comes. */
async function drain(server: SshServer, seconds: number, options: DaemonOptions): Promise<void> {
  const { log } = options;
  // First of all: until it is listened for, a second signal would end the process as it stands.
  const signalled = ended(options);
  server.stopListening();
  const start = server.connectionCount;
  log('INFO', `Draining: ${start} connections may go on for ${seconds} seconds.`);
  let look: NodeJS.Timeout | undefined;
  const limit = performance.now() + seconds * 1000;
  const empty = new Promise<undefined>((resolve) => {
    look = setInterval(() => {
      if (server.connectionCount === 0 || performance.now() >= limit) resolve(undefined);
    }, 50);
  });
  const again = await Promise.race([empty, signalled]);
  clearInterval(look);
  if (again !== undefined) log('INFO', again);
  log('INFO', `Drained: ${server.connectionCount} of ${start} connections are left.`);
}

/** `-d`: the first connection is the last. */
function onlyConnection(server: SshServer): Promise<undefined> {
  return new Promise((resolve) => {
    let seen = false;
    const look = setInterval(() => {
      const count = server.connectionCount;
      if (count > 0 && !seen) {
        seen = true;
        server.stopListening();
      }
      if (seen && count === 0) {
        clearInterval(look);
        resolve(undefined);
      }
    }, 20);
  });
}

/** One connection's bug must not end all the others. */
export function surviveErrors(log: Log): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.removeAllListeners(event);
    process.on(event, (error: unknown) => {
      log('ERROR', `internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    });
  }
}

function tryWritePidFile(path: string, log: Log): () => void {
  try {
    return writePidFile(path);
  } catch (error) {
    log('ERROR', `Couldn't create pid file "${path}": ${(error as Error).message}`);
    return () => {};
  }
}
