/** What a server tells of a connection, for lists and counters: plain data, which may go to another process. */
import type { ChannelFacts } from '../connection/index.ts';
import { fingerprint } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import type { NegotiatedAlgorithms, Phase, Transport, TransportTraffic } from '../transport/index.ts';
import type { Peer } from './peer.ts';
import type { ServerConnection } from './server-connection.ts';

/** One connection at one moment. */
export interface ConnectionFacts extends TransportTraffic {
  readonly peer: Peer;
  readonly ageMs: number;
  readonly phase: Phase;
  /** Undefined until the first key exchange has agreed on them. */
  readonly algorithms: NegotiatedAlgorithms | undefined;
  /** Undefined before login. */
  readonly login: LoginFacts | undefined;
  readonly channels: readonly ChannelFacts[];
}

export interface LoginFacts {
  readonly user: string;
  /** In the order in which they were passed. */
  readonly methods: readonly string[];
  readonly keys: readonly KeyFacts[];
  readonly ageMs: number;
}

/** A key or certificate that was proved. */
export interface KeyFacts {
  readonly type: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
  readonly certificate?: { readonly keyId: string; readonly serial: string };
}

/** A connection as its server keeps it. */
export interface FactSources {
  readonly peer: Peer;
  readonly transport: Transport;
  readonly openedMs: number;
  readonly login: { readonly connection: ServerConnection; readonly atMs: number } | undefined;
}

export function connectionFacts({ peer, transport, openedMs, login }: FactSources, nowMs: number): ConnectionFacts {
  return {
    ...transport.traffic,
    peer: { ...peer },
    ageMs: nowMs - openedMs,
    phase: transport.phase,
    algorithms: transport.negotiated,
    login: login && loginFacts(login.connection, nowMs - login.atMs),
    channels: login?.connection.connection.channelFacts() ?? [],
  };
}

function loginFacts({ user, methods, keys }: ServerConnection, ageMs: number): LoginFacts {
  return { user, methods: [...methods], keys: keys.map(keyFacts), ageMs };
}

function keyFacts(key: PublicKey): KeyFacts {
  const { certificate } = key;
  return {
    type: key.type,
    fingerprint: fingerprint(key),
    ...(certificate && { certificate: { keyId: certificate.keyId, serial: String(certificate.serial) } }),
  };
}
