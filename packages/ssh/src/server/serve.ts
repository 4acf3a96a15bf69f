/** Serves one client, from its first byte to its last. */
import type { Duplex } from 'node:stream';
import {
  type AuthAttempt,
  authenticateServer,
  defaultSignatureAlgorithms,
  LoginEnd,
  type ServerAuthOptions,
  type UserAuthRules,
} from '../auth/index.ts';
import { announceHostKeys } from '../connection/index.ts';
import { disconnectReasons, SshError, toSshError } from '../errors.ts';
import { type StreamDriver, systemClock } from '../io/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { loginGraceMs as defaultLoginGraceMs } from '../limits.ts';
import {
  type AuthLink,
  type HostKey,
  type RekeyOptions,
  type ServerTransportOptions,
  Transport,
} from '../transport/index.ts';
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
import { connectionFacts } from './connection-facts.ts';
import { LentThings } from './lent.ts';
import type { ChannelSettings, Decision, ServerOptions, Serving, TransportSettings, UserOptions } from './options.ts';
import type { Peer, SeenPeer } from './peer.ts';
import { ServerConnection, type ServerLogin, type Wiring } from './server-connection.ts';
import { SocketListeners } from './socket-listeners.ts';

/** Serves one stream: key exchange, login, channels. Everything that goes wrong ends this connection and nothing else. */
export function serve(
  driver: StreamDriver,
  peer: SeenPeer,
  hostKeys: readonly HostKey[],
  options: ServerOptions,
): Serving<ServerConnection> {
  let settleEnded: (error: SshError) => void = () => {};
  const ended = new Promise<SshError>((resolve) => {
    settleEnded = resolve;
  });
  const transport = new Transport({
    ...transportOptions(driver, peer, hostKeys, options),
    onEnd: (error) => {
      options.onDisconnect?.(error, peer);
      settleEnded(error);
    },
  });
  acknowledgeReads(driver, options);
  driver.drive(transport);
  const openedMs = systemClock.now();
  let login: { connection: ServerConnection; atMs: number } | undefined;
  const onLogin = (connection: ServerConnection): void => {
    login = { connection, atMs: systemClock.now() };
    options.onLogin?.(connection);
  };
  return {
    peer,
    loggedIn: admit(transport, driver, peer, hostKeys, { ...options, onLogin }),
    ended,
    end: (error) => transport.fail(error),
    traffic: () => transport.traffic,
    facts: () => connectionFacts({ peer, transport, openedMs, login }, systemClock.now()),
  };
}

/** Until the client is logged in: from then on what it sends is mostly answered, or is bulk, which TCP acknowledges anyway. */
export function acknowledgeReads(driver: StreamDriver, { acknowledge }: TransportSettings): void {
  if (acknowledge !== undefined) driver.acknowledge = () => acknowledge(driver.stream);
}

/** What a server's transport is made of, but for its end. */
export function transportOptions(
  driver: StreamDriver,
  peer: Peer,
  hostKeys: readonly HostKey[],
  options: TransportSettings,
): ServerTransportOptions {
  return {
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
  };
}

async function admit(
  transport: Transport,
  driver: StreamDriver,
  peer: SeenPeer,
  hostKeys: readonly HostKey[],
  options: ServerOptions,
): Promise<ServerConnection | undefined> {
  const cancelGrace = startGrace(options.loginGraceMs, (error) => transport.fail(error));
  try {
    await transport.handshake();
    peer.identification = transport.peerIdentification;
    options.onHandshake?.(peer);
    const { login, rules } = await decideLogin(transport, peer, options, (limits) => transport.setRekeyLimits(limits));
    driver.acknowledge = undefined;
    const connection = beginChannels(transport, login, peer, driver.stream, hostKeys, { ...options, ...rules });
    options.onLogin?.(connection);
    return connection;
  } catch (error) {
    transport.fail(asServerError(error));
    return undefined;
  } finally {
    cancelGrace();
  }
}

/** LoginGraceTime: who has not logged in by then is sent away. The returned function takes the limit off. */
export function startGrace(graceMs = defaultLoginGraceMs, end: (error: SshError) => void): () => void {
  return graceMs === 0 ? () => {} : systemClock.setTimer(graceMs, () => end(graceExceeded(graceMs)));
}

/** What went wrong while a client was served, as the error that ends its connection. */
export function asServerError(error: unknown): SshError {
  return toSshError(error, { code: 'misuse', stage: 'auth', disconnect: disconnectReasons.byApplication });
}

/** A login, and what is different for its user. */
export interface DecidedLogin {
  readonly login: ServerLogin;
  readonly rules: UserOptions;
}

/**
 * Asks the client who it is and decides; settles once USERAUTH_SUCCESS is sent.
 *
 * @param setRekeyLimits - told of the user's own limits, before anything is decided.
 */
export async function decideLogin(
  link: AuthLink,
  peer: SeenPeer,
  options: ServerOptions,
  setRekeyLimits: (limits: RekeyOptions) => void,
): Promise<DecidedLogin> {
  peer.hostName = await options.lookUpHostName?.(peer);
  let rules: UserOptions = {};
  const settleFor = async (user: string): Promise<UserAuthRules> => {
    rules = (await options.forUser?.(user, peer)) ?? {};
    if (rules.rekey !== undefined) setRekeyLimits(rules.rekey);
    return rules;
  };
  const login = await authenticateServer(link, { ...authOptions(peer, options), rulesFor: settleFor });
  return { login, rules };
}

/** Serves channels for a client that is logged in. */
export function beginChannels(
  transport: Transport,
  login: ServerLogin,
  peer: Peer,
  stream: Duplex,
  hostKeys: readonly HostKey[],
  options: ChannelSettings,
): ServerConnection {
  const connection = new ServerConnection(transport, login, peer, stream, (self) =>
    wiringOf(self, peer, hostKeys, options),
  );
  if (options.announceHostKeys !== false) {
    announceHostKeys(
      connection.connection,
      hostKeys.map(({ signer }) => signer.publicKey),
    );
  }
  const { keepalive } = options;
  if (keepalive) {
    connection.connection.keepalive({ intervalMs: keepalive.intervalMs, countMax: keepalive.countMax ?? 3 });
  }
  return connection;
}

function wiringOf(
  connection: ServerConnection,
  peer: Peer,
  hostKeys: readonly HostKey[],
  options: ChannelSettings,
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
  const { publicKey, password, keyboardInteractive, hostBased, none, gate, lastWords, ...rules } = options.authenticate;
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
      const decision = await gate(login, permissions, peer);
      if (decision instanceof LoginEnd) return decision;
      const limits = toPermissions(decision);
      return limits && mergePermissions(permissions, limits);
    },
    ...(lastWords && { lastWords: (login) => lastWords(login, peer) }),
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
