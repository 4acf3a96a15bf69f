/** ssh's way to the host: the library's, with ssh's settings, questions and words at every host on it. */
import type { Duplex } from 'node:stream';
import {
  type ClientConnection,
  connect,
  type JumpHost,
  openWay as openStationWay,
  type Station,
  type StationConnection,
  type Way,
} from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { tryPlatform } from '../../os/native.ts';
import { connectOptions } from './connect-options.ts';
import { FatalError } from './end.ts';
import { describeConnectFailure } from './failures.ts';
import { type Request, readJumpRequest } from './request.ts';

/**
 * Opens the way that the settings describe. Every jump host's key is checked, and every one has its own settings.
 *
 * @throws FatalError where a host on the way cannot be reached or does not let us through.
 */
export async function openWay(request: Request): Promise<Way> {
  try {
    return await openStationWay(stationOf(request), { descriptors: tryPlatform });
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    throw new FatalError(error.message, { always: error.stage === 'config' });
  }
}

function stationOf(request: Request): Station {
  const { config, log } = request;
  return {
    config,
    readStation: async (jump: JumpHost) => stationOf(await readJumpRequest(jump, request)),
    connect: (stream) => connectTo(request, stream),
    log: (level, text) => log.debug(level, text),
  };
}

async function connectTo(hop: Request, stream: Duplex | undefined): Promise<StationConnection> {
  // Only the first one is reached from here, where its socket would lie.
  const shared = stream === undefined ? await joinShared(hop) : undefined;
  const connection = shared ?? (await logIn(hop, stream));
  return {
    forwardTcp: (host, port) => through(connection, host, port, hop),
    close: () => connection.close(),
  };
}

async function logIn(hop: Request, stream: Duplex | undefined): Promise<ClientConnection> {
  let address: string | undefined;
  const options = connectOptions(hop, (found) => {
    address = found;
  });
  try {
    const over = stream === undefined ? {} : { stream };
    return await connect({ host: hop.host, port: hop.port }, { ...options, ...over });
  } catch (error) {
    if (error instanceof FatalError) throw error;
    for (const line of describeConnectFailure(error, { ...hop, address })) hop.log.error(line);
    throw closedByUnknown(error);
  }
}

async function through(connection: ClientConnection, host: string, port: number, { log }: Request): Promise<Duplex> {
  try {
    return await connection.forwardTcp(host, port);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    log.error(`channel 0: open failed: ${error.message}`);
    log.error('stdio forwarding failed');
    throw closedByUnknown(error);
  }
}

/** What is left to say of the host itself, whose address nobody knows. */
function closedByUnknown(cause: unknown): FatalError {
  return new FatalError('Connection closed by UNKNOWN port 65535', { cause });
}

/** A jump host whose connection is shared already is not logged in to again. */
async function joinShared(hop: Request): Promise<ClientConnection | undefined> {
  const { controlPath, controlMaster } = hop.settings;
  if (controlPath === undefined || controlMaster === 'yes' || controlMaster === 'ask') return undefined;
  const path = (await import('./shared/control-path.ts')).controlPath(hop);
  return path === undefined ? undefined : (await import('./shared/join.ts')).joinMaster(hop, path);
}
