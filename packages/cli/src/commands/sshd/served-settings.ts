/** What connections are served by as the settings say: their transports, their channels, and the limits of their users. */
import type { Peer, ServerOptions, TransportSettings, UserOptions } from '@nacre/ssh/server';
import type { Admitted } from './admission.ts';
import type { Settings } from './config/config.ts';
import { buildForwards } from './forwards.ts';
import type { PamLogin } from './pam-logins.ts';
import { buildSessionHandler } from './session.ts';
import type { TunnelBooks } from './tunnel-books.ts';
import { openTunnelEnd } from './tunnels.ts';

/** For everybody, before the user is known. */
export function transportSettings(settings: Settings): TransportSettings {
  return {
    algorithms: {
      kex: settings.kexAlgorithms.names,
      cipher: settings.ciphers.names,
      mac: settings.macs.names,
      hostKey: settings.hostKeyAlgorithms.names,
      ...(settings.compression === 'yes' && { compression: ['none', 'zlib@openssh.com'] }),
    },
    // What the server announces.
    authenticate: { signatureAlgorithms: settings.pubkeyAcceptedAlgorithms.names },
    ...(settings.versionAddendum !== undefined && { versionAddendum: settings.versionAddendum }),
  };
}

/**
 * Sessions, forwards and tunnels.
 *
 * @param loginOf - what a connection's login by PAM left for its sessions.
 * @param books - for TunnelQuota.
 */
export function channelSettings(
  admission: Admitted,
  loginOf: (peer: Peer) => PamLogin | undefined,
  books: TunnelBooks,
) {
  return {
    session: (connection) => {
      const { peer } = connection;
      return buildSessionHandler(connection, admission.requireCandidate(peer), admission.logFor(peer), loginOf(peer));
    },
    ...buildForwards(admission, books),
    tunnel: (request, { peer }) => openTunnelEnd(request, peer, admission),
  } satisfies Partial<ServerOptions>;
}

/** What holds for one user, once the name is known. */
export function userSettings(settings: Settings): UserOptions {
  const { bytes, seconds } = settings.rekeyLimit;
  return {
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
