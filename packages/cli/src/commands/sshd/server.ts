/** Puts a configuration, host keys and the log together into servers of the library, and keeps them as the configuration changes. */
import { lookup, reverse } from 'node:dns/promises';
import { parseModuli } from '@nacre/ssh/crypto';
import { disconnectReasons, SshError } from '@nacre/ssh/errors';
import type { Peer, ServerOptions, UserOptions } from '@nacre/ssh/server';
import type { HostKey } from '@nacre/ssh/transport';
import { matchCidrList } from '@nacre/ssh/trust';
import { acknowledgeAtOnce } from '../../os/acknowledge.ts';
import { routingDomainOf } from '../../os/routing-domain.ts';
import { Admission, describe } from './admission.ts';
import type { Config, Settings } from './config/config.ts';
import { readRegularFile } from './config/read-file.ts';
import { buildAuthenticate, type CheckPassword, userRules } from './credentials.ts';
import { buildEvents, type Events } from './events.ts';
import { type Log, loggedName } from './log.ts';
import { PamLogins } from './pam-logins.ts';
import type { PamService } from './pam-pool.ts';
import { buildCarrier } from './processes/carrier.ts';
import type { Processes } from './processes/index.ts';
import { showHostKeys } from './processes/remote-keys.ts';
import type { WorkerSettings } from './processes/tables.ts';
import { channelSettings, transportSettings, userSettings } from './served-settings.ts';
import { SourceLimits } from './source-limits.ts';
import { LocalTunnelBooks, type TunnelBooks } from './tunnel-books.ts';

export interface ServerParts {
  readonly config: Config;
  readonly hostKeys: readonly HostKey[];
  readonly log: Log;
  /** Flags say how much is logged: no LogLevel of a Match block counts. */
  readonly isLogLevelFixed?: boolean;
  /** Passwords of another kind, in place of the system's. */
  readonly checkPassword?: CheckPassword | undefined;
  /** Who asks PAM, where UsePAM says so. */
  readonly pam?: PamService | undefined;
  /** What has passed through tunnels, for TunnelQuota: books that outlive a configuration. */
  readonly books?: TunnelBooks | undefined;
  /** Sees what happens to connections, beside the log. */
  readonly watch?: (events: Events) => Events & Pick<ServerOptions, 'onHandshake'>;
}

/**
 * A server that serves this machine's accounts as the settings say.
 *
 * @param limits - what is remembered of addresses, by servers that have had another configuration before.
 * @param processes - those that serve connections, whose workers are told of `workerSettings` by the caller; without them this one
 *   does it all.
 */
export function buildServerOptions(
  parts: ServerParts,
  limits: SourceLimits = new SourceLimits(parts.config.settings),
  processes?: Processes,
): ServerOptions {
  const { config, hostKeys, log, isLogLevelFixed = false, checkPassword, books = new LocalTunnelBooks() } = parts;
  const { watch = (events) => events } = parts;
  const { settings } = config;
  const admission = new Admission(config, log, isLogLevelFixed);
  limits.configure(settings);
  const pam = settings.usePam && parts.pam !== undefined ? new PamLogins(admission, parts.pam) : undefined;
  const events = watch(buildEvents(admission, log, limits));
  const transport = transportSettings(settings);
  const options: ServerOptions = {
    hostKeys,
    ...transport,
    authenticate: {
      ...buildAuthenticate(admission, checkPassword, pam, processes !== undefined),
      ...transport.authenticate,
    },
    forUser: (user, peer) => optionsFor(user, peer, admission),
    ...channelSettings(admission, (peer) => pam?.find(peer), books),
    loginGraceMs: settings.loginGraceSeconds * 1000,
    maxStartups: settings.maxStartups,
    tcpKeepAlive: settings.tcpKeepAlive,
    acknowledge: acknowledgeAtOnce,
    routingDomainOf,
    ...(settings.proxyProtocolFrom.length > 0 && {
      proxyProtocolFrom: (address: string) =>
        settings.proxyProtocolFrom.some((blocks) => matchCidrList(blocks, address) === 'match'),
    }),
    ...(settings.useDns && { lookUpHostName: (peer: Peer) => lookUpHostName(peer) }),
    ...events,
  };
  if (processes === undefined) return { ...options, ...moduliOf(settings, log) };
  return { ...options, serveElsewhere: buildCarrier({ ...processes, admission, hostKeys, events, pam }, options) };
}

/** What the processes that speak with clients before login are told. */
export function workerSettings({ config: { settings }, hostKeys, log }: ServerParts): WorkerSettings {
  return {
    ...transportSettings(settings),
    ...moduliOf(settings, log),
    hostKeys: showHostKeys(hostKeys),
    logs: log.level.startsWith('DEBUG'),
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
  return { ...userRules(settings), ...userSettings(settings) };
}

/** For whoever does key exchanges: the file takes a while to read. */
function moduliOf({ moduliFile }: Settings, log: Log): Pick<ServerOptions, 'moduli'> {
  if (moduliFile === undefined) return {};
  try {
    return { moduli: parseModuli(readRegularFile(moduliFile).toString('latin1')) };
  } catch (error) {
    log('DEBUG1', `no groups from ${moduliFile}: ${(error as Error).message}`);
    return { moduli: [] };
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
