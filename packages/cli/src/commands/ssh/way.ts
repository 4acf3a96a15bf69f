/** ssh's way to the host: the library's, with ssh's settings, questions and words at every host on it. */
import type { Duplex } from 'node:stream';
import {
  type ClientConnection,
  type JumpHost,
  openWay as openStationWay,
  type Station,
  type StationConnection,
  type Way,
} from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { tryPlatform } from '../../os/native.ts';
import { FatalError } from './end.ts';
import { logIn, noFacts, tellLoginFailure } from './log-in.ts';
import { type JumpRequest, type Request, readJumpRequest } from './request.ts';
import type { Sharing } from './shared/master.ts';

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
    readStation: async (jump: JumpHost, over) => stationOfHop(await readJumpRequest(jump, over, request)),
    connect: () => Promise.reject(new Error('the end of the way is connected to by whoever opens the way')),
    log: (level, text) => log.debug(level, text),
  };
}

function stationOfHop(hop: JumpRequest): Station {
  const asks = hop.settings.controlPath !== undefined;
  return {
    ...stationOf(hop),
    share: async () => {
      const connection = asks ? await (await import('./shared/hop.ts')).reachHop(hop) : undefined;
      return connection === undefined ? undefined : hopOver(connection, hop);
    },
    connect: async (stream) => {
      const connection = await logInTo(hop, stream);
      if (!asks) return hopOver(connection, hop);
      try {
        return hopOver(connection, hop, await (await import('./shared/hop.ts')).shareHop(connection, hop));
      } catch (error) {
        await connection.close();
        throw error;
      }
    },
  };
}

function hopOver(connection: ClientConnection, hop: Request, sharing?: Sharing): StationConnection {
  return {
    forwardTcp: (host, port) => through(connection, host, port, hop),
    async close() {
      await sharing?.close();
      await connection.close();
    },
  };
}

async function logInTo(hop: Request, stream: Duplex | undefined): Promise<ClientConnection> {
  const facts = noFacts(hop);
  try {
    return await logIn(hop, facts, { stream });
  } catch (error) {
    if (error instanceof FatalError) throw error;
    await tellLoginFailure(error, facts, hop);
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
