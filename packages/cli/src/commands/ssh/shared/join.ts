/** Going through a master: the connection of another ssh of this user, where one runs at the ControlPath. */
import { spawn } from 'node:child_process';
import { lstatSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type ClientConnection, connectMux, type MuxClient } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { FatalError } from '../end.ts';
import type { Request } from '../request.ts';
import { denied, refusalReason } from './control-path.ts';
import { changeForwards } from './master-forwards.ts';

/**
 * The connection of the master at `path`, with the forwards of this request opened in it; undefined where there is none, or it
 * does not share: then ssh makes a connection of its own.
 */
export async function joinMaster(request: Request, path: string): Promise<ClientConnection | undefined> {
  const master = await findMaster(request, path);
  if (master === undefined) return undefined;
  const { log } = request;
  try {
    if (!(await changeForwards(master, request, 'open'))) {
      log.error('muxclient: master forward request failed');
      await master.close();
      return undefined;
    }
    const connection = await share(master, request);
    log.debug(1, 'mux_client_request_session: master session id: 0');
    return connection;
  } catch (error) {
    await master.close();
    if (!(error instanceof SshError)) throw error;
    const reason = refusalReason(error);
    if (reason === denied) log.error(`Master refused session request: ${reason}`);
    else log.error(`mux_client_request_session: session request failed: ${reason}`);
    return undefined;
  }
}

/**
 * -O proxy: the same, where ssh itself opens the forwards.
 *
 * @throws FatalError where there is no master or it does not share: nothing else was asked for.
 */
export async function joinProxy(request: Request, path: string): Promise<ClientConnection> {
  try {
    return await share(await connectMux(path, { keepOpen }), request);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    if (error.code !== 'request-refused') throw new FatalError(error.message);
    throw new FatalError(`mux_client_proxy: master returned error: ${refusalReason(error)}`);
  }
}

function share(master: MuxClient, { log, host, port, user, settings }: Request): Promise<ClientConnection> {
  const { serverAliveIntervalSeconds, serverAliveCountMax } = settings;
  return master.share({
    target: { host, port, user },
    log: (level, text) => log.debug(level, text),
    ...(serverAliveIntervalSeconds > 0 && {
      keepalive: { intervalMs: serverAliveIntervalSeconds * 1000, countMax: serverAliveCountMax },
    }),
  });
}

/** A conversation with the master; undefined where there is none. A socket that a dead master left is removed by a new one. */
async function findMaster({ log, settings }: Request, path: string): Promise<MuxClient | undefined> {
  const { controlMaster, connectTimeoutSeconds } = settings;
  const mayReplace = controlMaster !== 'no';
  if (mayReplace) log.debug(1, 'auto-mux: Trying existing master');
  try {
    const timeoutMs = connectTimeoutSeconds === undefined ? {} : { timeoutMs: connectTimeoutSeconds * 1000 };
    const master = await connectMux(path, { ...timeoutMs, keepOpen });
    log.debug(2, 'mux_client_hello_exchange: master version 4');
    if (log.shows('DEBUG3')) {
      log.debug(3, `mux_client_request_alive: done pid = ${await master.aliveCheck()}`);
    }
    return master;
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
    if (code === 'ENOENT') log.debug(1, `Control socket "${path}" does not exist`);
    else if (code === 'ECONNREFUSED' && mayReplace && removeStale(path)) {
      log.debug(1, `Stale control socket ${path}, unlinking`);
    } else if (error.code === 'connect-failed') log.error(error.message);
    else {
      log.error(error.message);
      log.error('muxclient: master hello exchange failed');
    }
    return undefined;
  }
}

/** A process that reads until the master is gone outlives us, as the socket has to; it hears nothing and does nothing. */
function keepOpen(socket: Socket): void {
  const holder = spawn('cat', [], { stdio: [socket, 'ignore', 'ignore'], detached: true });
  holder.on('error', () => {});
  holder.unref();
  socket.destroy();
}

/** OpenSSH removes whatever lies there; a file that is no socket was never a master's. */
function removeStale(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return false;
  try {
    rmSync(path, { force: true });
    return true;
  } catch {
    return false;
  }
}
