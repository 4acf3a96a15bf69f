/** Puts a configuration, host keys and the log together into servers of the library, and keeps them as the configuration changes. */
import { lookup, reverse } from 'node:dns/promises';
import { parseModuli } from '@nacre/ssh/crypto';
import { disconnectReasons, SshError } from '@nacre/ssh/errors';
import { createServer, type Peer, type ServerOptions, type SshServer, type UserOptions } from '@nacre/ssh/server';
import type { HostKey } from '@nacre/ssh/transport';
import { Admission, describe } from './admission.ts';
import type { Config } from './config/config.ts';
import { readRegularFile } from './config/read-file.ts';
import { buildAuthenticate, type CheckPassword, userRules } from './credentials.ts';
import { buildEvents, type Events } from './events.ts';
import { buildForwards } from './forwards.ts';
import { type Log, loggedName } from './log.ts';
import { buildSessionHandler } from './session.ts';
import { SourceLimits } from './source-limits.ts';
import { openTunnelEnd } from './tunnels.ts';

export interface ServerParts {
  readonly config: Config;
  readonly hostKeys: readonly HostKey[];
  readonly log: Log;
  /** Flags say how much is logged: no LogLevel of a Match block counts. */
  readonly isLogLevelFixed?: boolean;
  /** Passwords of another kind, in place of the system's. */
  readonly checkPassword?: CheckPassword | undefined;
  /** Sees what happens to connections, beside the log. */
  readonly watch?: (events: Events) => Events & Pick<ServerOptions, 'onHandshake'>;
}

/** A server that serves this machine's accounts as the settings say. It does not listen yet. */
export function buildServer(parts: ServerParts, limits?: SourceLimits): SshServer {
  return createServer(buildServerOptions(parts, limits));
}

/** @param limits - what is remembered of addresses, by servers that have had another configuration before. */
export function buildServerOptions(
  parts: ServerParts,
  limits: SourceLimits = new SourceLimits(parts.config.settings),
): ServerOptions {
  const { config, hostKeys, log, isLogLevelFixed = false, checkPassword, watch = (events) => events } = parts;
  const { settings } = config;
  const admission = new Admission(config, log, isLogLevelFixed);
  limits.configure(settings);
  return {
    hostKeys,
    authenticate: {
      ...buildAuthenticate(admission, checkPassword),
      // For everybody, before the user is known: what the server announces.
      signatureAlgorithms: settings.pubkeyAcceptedAlgorithms.names,
    },
    forUser: (user, peer) => optionsFor(user, peer, admission),
    session: (connection) => {
      const candidate = admission.find(connection.peer);
      if (candidate?.isValid !== true) {
        throw new SshError('this connection has no account', { code: 'misuse', stage: 'channel' });
      }
      return buildSessionHandler(connection, candidate.account, candidate.settings, admission.logFor(connection.peer));
    },
    ...buildForwards(admission),
    tunnel: (request, { peer }) => openTunnelEnd(request, peer, admission),
    algorithms: {
      kex: settings.kexAlgorithms.names,
      cipher: settings.ciphers.names,
      mac: settings.macs.names,
      hostKey: settings.hostKeyAlgorithms.names,
      ...(settings.compression === 'yes' && { compression: ['none', 'zlib@openssh.com'] }),
    },
    ...(settings.moduliFile !== undefined && { moduli: loadModuli(settings.moduliFile, log) }),
    ...(settings.versionAddendum !== undefined && { versionAddendum: settings.versionAddendum }),
    loginGraceMs: settings.loginGraceSeconds * 1000,
    maxStartups: settings.maxStartups,
    tcpKeepAlive: settings.tcpKeepAlive,
    ...(settings.useDns && { lookUpHostName: (peer: Peer) => lookUpHostName(peer) }),
    ...watch(buildEvents(admission, log, limits)),
  };
}

/** What holds for one user, once the name is known. */
function optionsFor(user: string, peer: Peer, admission: Admission): UserOptions {
  const { isValid, settings } = admission.candidateFor(user, peer);
  if (settings.refuseConnection) {
    const who = `${isValid ? '' : 'invalid user '}${loggedName(user)} from ${describe(peer)}`;
    admission.logFor(peer)('INFO', `administratively prohibited connection for ${who}`);
    throw new SshError('administratively prohibited', {
      code: 'closed',
      stage: 'auth',
      disconnect: disconnectReasons.hostNotAllowedToConnect,
    });
  }
  const { bytes, seconds } = settings.rekeyLimit;
  return {
    ...userRules(settings),
    maxSessions: settings.maxSessions,
    channelTimeouts: settings.channelTimeout,
    unusedConnectionTimeoutMs: settings.unusedConnectionTimeoutSeconds * 1000,
    rekey: {
      ...(bytes !== undefined && bytes !== 0 && { bytes }),
      ...(seconds !== undefined && { ms: seconds * 1000 }),
    },
    ...(settings.clientAliveIntervalSeconds > 0 && {
      keepalive: {
        intervalMs: settings.clientAliveIntervalSeconds * 1000,
        // 0 asks without ever giving up.
        countMax: settings.clientAliveCountMax === 0 ? Number.POSITIVE_INFINITY : settings.clientAliveCountMax,
      },
    }),
  };
}

/** The groups are needed only where group exchange is offered, and its file takes a while to read. */
function loadModuli(file: string, log: Log): ReturnType<typeof parseModuli> {
  try {
    return parseModuli(readRegularFile(file).toString('latin1'));
  } catch (error) {
    log('DEBUG1', `no groups from ${file}: ${(error as Error).message}`);
    return [];
  }
}

/** The name of the address, if the name has that address: anybody can name an address of their own as they like. */
async function lookUpHostName(peer: Peer): Promise<string | undefined> {
  const { address } = peer;
  if (address === undefined) return undefined;
  try {
    const [name] = await reverse(address);
    if (name === undefined) return undefined;
    const found = await lookup(name, { all: true });
    return found.some((entry) => entry.address === address) ? name.toLowerCase() : undefined;
  } catch {
    return undefined;
  }
}
