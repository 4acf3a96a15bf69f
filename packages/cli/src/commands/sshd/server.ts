/** Puts a configuration, host keys and the log together into servers of the library, and keeps them as the configuration changes. */
import { lookup, reverse } from 'node:dns/promises';
import { parseModuli } from '@nacre/ssh/crypto';
import { SshError } from '@nacre/ssh/errors';
import {
  connectTcp,
  connectUnix,
  createServer,
  listenOnLoopback,
  type Peer,
  type ServerOptions,
  type SshServer,
} from '@nacre/ssh/server';
import type { HostKey } from '@nacre/ssh/transport';
import { Admission } from './admission.ts';
import type { Settings } from './config/config.ts';
import { readRegularFile } from './config/read-file.ts';
import { buildAuthenticate, type CheckPassword } from './credentials.ts';
import { buildEvents } from './events.ts';
import type { Log } from './log.ts';
import { buildSessionHandler } from './session.ts';

export interface ServerParts {
  readonly settings: Settings;
  readonly hostKeys: readonly HostKey[];
  readonly log: Log;
  /** Passwords of another kind, in place of the system's. */
  readonly checkPassword?: CheckPassword | undefined;
}

/** A server that serves this machine's accounts as the settings say. It does not listen yet. */
export function buildServer(parts: ServerParts): SshServer {
  return createServer(buildServerOptions(parts));
}

export function buildServerOptions({ settings, hostKeys, log, checkPassword }: ServerParts): ServerOptions {
  const admission = new Admission(settings, log);
  const mayForward = (direction: 'local' | 'remote') =>
    !settings.disableForwarding && ['yes', direction].includes(settings.allowTcpForwarding);
  const maySocket = !settings.disableForwarding && ['yes', 'local'].includes(settings.allowStreamLocalForwarding);
  return {
    hostKeys,
    authenticate: buildAuthenticate(settings, admission, log, checkPassword),
    session: (connection) => {
      const candidate = admission.find(connection.peer);
      if (candidate?.isValid !== true) {
        throw new SshError('this connection has no account', { code: 'misuse', stage: 'channel' });
      }
      return buildSessionHandler(connection, candidate.account, settings, log);
    },
    ...(mayForward('local') && { forwardTcp: connectTcp }),
    ...(mayForward('remote') && {
      listen: async (request, connection) => {
        const uid = admission.find(connection.peer)?.account.uid;
        // This process may be root's: what only root may do, it does for root only.
        if (request.port !== 0 && request.port < firstUnprivilegedPort && uid !== 0) return undefined;
        return listenOnLoopback(request);
      },
    }),
    ...(maySocket && {
      forwardUnix: async (path, connection) => {
        // The system would check this process's rights to the socket, not the user's.
        const uid = admission.find(connection.peer)?.account.uid;
        return uid !== undefined && uid === process.getuid?.() ? connectUnix(path) : undefined;
      },
    }),
    algorithms: {
      ...(settings.kexAlgorithms && { kex: settings.kexAlgorithms.names }),
      ...(settings.ciphers && { cipher: settings.ciphers.names }),
      ...(settings.macs && { mac: settings.macs.names }),
      ...(settings.hostKeyAlgorithms && { hostKey: settings.hostKeyAlgorithms.names }),
      ...(settings.compression === 'yes' && { compression: ['none', 'zlib@openssh.com'] }),
    },
    ...(settings.moduliFile !== undefined && { moduli: loadModuli(settings.moduliFile, log) }),
    rekey: settings.rekeyLimit,
    ...(settings.versionAddendum !== undefined && { versionAddendum: settings.versionAddendum }),
    loginGraceMs: settings.loginGraceMs,
    maxStartups: settings.maxStartups,
    maxSessions: settings.maxSessions,
    tcpKeepAlive: settings.tcpKeepAlive,
    ...(settings.useDns && { lookUpHostName: (peer: Peer) => lookUpHostName(peer) }),
    ...(settings.clientAliveIntervalMs > 0 && {
      keepalive: {
        intervalMs: settings.clientAliveIntervalMs,
        // 0 asks without ever giving up.
        countMax: settings.clientAliveCountMax === 0 ? Number.POSITIVE_INFINITY : settings.clientAliveCountMax,
      },
    }),
    ...buildEvents(settings, admission, log),
  };
}

const firstUnprivilegedPort = 1024;

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
