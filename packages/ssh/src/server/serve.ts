/** Serves one client, from its first byte to its last. */
import {
  type AuthAttempt,
  authenticateServer,
  defaultSignatureAlgorithms,
  type ServerAuthOptions,
  type UserAuthRules,
} from '../auth/index.ts';
import { announceHostKeys } from '../connection/index.ts';
import { disconnectReasons, SshError, toSshError } from '../errors.ts';
import { type StreamDriver, systemClock } from '../io/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { loginGraceMs as defaultLoginGraceMs } from '../limits.ts';
import { type HostKey, Transport, type TransportTraffic } from '../transport/index.ts';
import {
  certificateRefusal,
  fullPermissions,
  mergePermissions,
  type Permissions,
  permissionsFromCertificate,
  refusalFor,
} from '../trust/index.ts';
import { version } from '../version.ts';
import { channelHandlers, globalRequestHandlers, PortListeners } from './channels.ts';
import { type ConnectionFacts, connectionFacts } from './connection-facts.ts';
import { LentThings } from './lent.ts';
import type { Decision, ServerOptions } from './options.ts';
import type { Peer, SeenPeer } from './peer.ts';
import { ServerConnection, type Wiring } from './server-connection.ts';
import { SocketListeners } from './socket-listeners.ts';

export interface Serving {
  readonly peer: Peer;
  /** Settles when the client has logged in, or never will. */
  readonly loggedIn: Promise<ServerConnection | undefined>;
  /** Settles when the connection has ended. */
  readonly ended: Promise<SshError>;
  end(error: SshError): void;
  facts(): ConnectionFacts;
  traffic(): TransportTraffic;
}

/** Serves one stream: key exchange, login, channels. Everything that goes wrong ends this connection and nothing else. */
export function serve(
  driver: StreamDriver,
  peer: SeenPeer,
  hostKeys: readonly HostKey[],
  options: ServerOptions,
): Serving {
  let settleEnded: (error: SshError) => void = () => {};
  const ended = new Promise<SshError>((resolve) => {
    settleEnded = resolve;
  });
  const transport = new Transport({
    role: 'server',
    sink: driver,
    clock: systemClock,
    version,
    hostKeys,
    signatureAlgorithms: options.authenticate.signatureAlgorithms ?? defaultSignatureAlgorithms,
    ...(options.versionAddendum !== undefined && { versionAddendum: options.versionAddendum }),
    ...(options.algorithms && { algorithms: options.algorithms }),
    ...(options.moduli && { moduli: options.moduli }),
    ...(options.rekey && { rekey: options.rekey }),
    ...(options.requireStrictKex !== undefined && { requireStrictKex: options.requireStrictKex }),
    ...(options.log && { log: (level: 1 | 2 | 3, text: string) => options.log?.(level, text, peer) }),
    onEnd: (error) => {
      options.onDisconnect?.(error, peer);
      settleEnded(error);
    },
  });
  driver.drive(transport);
  const openedMs = systemClock.now();
  let login: { connection: ServerConnection; atMs: number } | undefined;
  const onLogin = (connection: ServerConnection): void => {
    login = { connection, atMs: systemClock.now() };
    options.onLogin?.(connection);
  };
  return {
    peer,
    loggedIn: admit(transport, peer, hostKeys, { ...options, onLogin }),
    ended,
    end: (error) => transport.fail(error),
    traffic: () => transport.traffic,
    facts: () => connectionFacts({ peer, transport, openedMs, login }, systemClock.now()),
  };
}

async function admit(
  transport: Transport,
  peer: SeenPeer,
  hostKeys: readonly HostKey[],
  options: ServerOptions,
): Promise<ServerConnection | undefined> {
  const graceMs = options.loginGraceMs ?? defaultLoginGraceMs;
  const cancelGrace =
    graceMs === 0 ? () => {} : systemClock.setTimer(graceMs, () => transport.fail(graceExceeded(graceMs)));
  try {
    await transport.handshake();
    peer.identification = transport.peerIdentification;
    options.onHandshake?.(peer);
    peer.hostName = await options.lookUpHostName?.(peer);
    let own = options;
    const settleFor = async (user: string): Promise<UserAuthRules> => {
      const rules = (await options.forUser?.(user, peer)) ?? {};
      own = { ...options, ...rules };
      if (rules.rekey !== undefined) transport.setRekeyLimits(rules.rekey);
      return rules;
    };
    const login = await authenticateServer(transport, { ...authOptions(peer, options), rulesFor: settleFor });
    const connection = new ServerConnection(transport, login, peer, (self) => wiringOf(self, peer, hostKeys, own));
    if (options.announceHostKeys !== false) {
      announceHostKeys(
        connection.connection,
        hostKeys.map(({ signer }) => signer.publicKey),
      );
    }
    const { keepalive } = own;
    if (keepalive) {
      connection.connection.keepalive({ intervalMs: keepalive.intervalMs, countMax: keepalive.countMax ?? 3 });
    }
    options.onLogin?.(connection);
    return connection;
  } catch (error) {
    transport.fail(toSshError(error, { code: 'misuse', stage: 'auth', disconnect: disconnectReasons.byApplication }));
    return undefined;
  } finally {
    cancelGrace();
  }
}

function wiringOf(
  connection: ServerConnection,
  peer: Peer,
  hostKeys: readonly HostKey[],
  options: ServerOptions,
): Wiring {
  const listeners = new PortListeners();
  const sockets = new SocketListeners();
  const lent = new LentThings(connection, options);
  return {
    options: {
      clock: systemClock,
      channelHandlers: channelHandlers(connection, options, lent),
      globalRequestHandlers: globalRequestHandlers(connection, options, listeners, sockets, hostKeys),
      onHandlerError: (error) => options.onError?.(error, peer),
      channelTimeouts: options.channelTimeouts,
      unusedTimeoutMs: options.unusedConnectionTimeoutMs,
      ...(options.limits && { limits: options.limits }),
    },
    onEnd: () => {
      for (const each of [listeners, sockets, lent]) each.close();
    },
  };
}

function authOptions(peer: Peer, options: ServerOptions): ServerAuthOptions<Permissions> {
  const { publicKey, password, keyboardInteractive, hostBased, none, gate, ...rules } = options.authenticate;
  return {
    ...rules,
    clock: systemClock,
    ...(publicKey && { publicKey: async (request) => withCertificateLimits(request, await publicKey(request, peer)) }),
    ...(password && {
      password: async (request) => {
        const decision = await password(request, peer);
        return typeof decision === 'object' && 'changePrompt' in decision ? decision : toPermissions(decision);
      },
    }),
    ...(keyboardInteractive && {
      keyboardInteractive: async (request, ask) => toPermissions(await keyboardInteractive(request, ask, peer)),
    }),
    ...(hostBased && { hostBased: async (request) => toPermissions(await hostBased(request, peer)) }),
    ...(none && { none: async (request) => toPermissions(await none(request, peer)) }),
    signatureOptions: (permissions) => ({
      requireUserPresence: permissions.requireUserPresence,
      requireUserVerification: permissions.requireUserVerification,
    }),
    merge: (grants) => grants.reduce(mergePermissions),
    // Enforced here for every method alike (Go CVE-2026-46595): addresses and expiry, then the caller's own last word.
    gate: async (login, permissions) => {
      if (refusalFor(permissions, { address: peer.address, hostName: peer.hostName, now: Date.now() }) !== undefined)
        return undefined;
      if (gate === undefined) return permissions;
      const decision = toPermissions(await gate(login, permissions, peer));
      return decision && mergePermissions(permissions, decision);
    },
    onAttempt: (attempt: AuthAttempt) => options.onAttempt?.(attempt, peer),
  };
}

/**
 * A certificate's own limits hold whatever the handler says: one that only looked at the authority and said yes would
 * otherwise let in expired certificates and those of other users, and lift a forced command (Go CVE-2026-39828). A handler
 * that gives permissions has looked at the names itself, as authorized_keys may list other ones.
 */
function withCertificateLimits(request: { user: string; key: PublicKey }, decision: Decision): Permissions | undefined {
  const permissions = toPermissions(decision);
  const { certificate } = request.key;
  if (permissions === undefined || certificate === undefined) return permissions;
  const principals = decision === true ? [request.user] : certificate.principals;
  if (certificateRefusal(certificate, { principals, now: Date.now() }) !== undefined) return undefined;
  return mergePermissions(permissions, permissionsFromCertificate(certificate));
}

function toPermissions(decision: Decision): Permissions | undefined {
  if (decision === true) return fullPermissions;
  return decision === false ? undefined : decision;
}

function graceExceeded(graceMs: number): SshError {
  return new SshError(`the client did not log in within ${graceMs / 1000} seconds`, {
    code: 'timeout',
    stage: 'auth',
    side: 'peer',
    disconnect: disconnectReasons.byApplication,
  });
}
