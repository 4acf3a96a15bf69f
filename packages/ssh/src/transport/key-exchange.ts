/** One key exchange from KEXINIT to NEWKEYS, first or repeated: a conversation that reads like RFC 4253 §7. */
import { findCipher } from '../crypto/ciphers/table.ts';
import type { AgreementInitiator } from '../crypto/key-agreement.ts';
import { findMac } from '../crypto/macs/table.ts';
import type { PacketOpener, PacketSealer } from '../crypto/packet-protection.ts';
import { randomBytes } from '../crypto/random.ts';
import { disconnectReasons, protocolError, SshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import { printable } from '../wire/index.ts';
import {
  type AlgorithmLists,
  type DirectionAlgorithms,
  isGuessRight,
  type KexInit,
  type NegotiatedAlgorithms,
  negotiate,
  pseudoAlgorithms,
} from './algorithms.ts';
import { type ClientExchangeOptions, exchangeAsClient } from './kex/client.ts';
import { deriveDirectionKeys, type Exchange, type ExchangeResult } from './kex/exchange.ts';
import { exchangeAsServer, type ServerExchangeOptions } from './kex/server.ts';
import { kexInit, newKeys } from './messages.ts';

/** What the exchange needs of the transport that runs it. */
export interface KeyExchangeHost {
  readonly lists: AlgorithmLists;
  readonly ownIdentification: string;
  peerIdentification(): string;
  /** Undefined in the first exchange. */
  readonly sessionId: Buffer | undefined;
  /** The key of the first exchange: it must be the same in every later one. */
  readonly hostKey: PublicKey | undefined;
  readonly role: RoleOptions;
  send(payload: Uint8Array): void;
  /** Milliseconds, monotonic. */
  now(): number;
  next(): Promise<Buffer>;
  /** Undefined where nobody listens: the lists of a KEXINIT are long. */
  readonly log: ((level: 1 | 2 | 3, text: string) => void) | undefined;
  /** What the peer's KEXINIT says of host keys, before anything is chosen. */
  onHostKeyOffer(algorithms: readonly string[]): void;
  /** Both KEXINITs are known; from here on the peer may send nothing but this exchange. */
  onNegotiated(facts: NegotiatedFacts): void;
  /** The client's first value, where it was made ahead for this method. */
  prepared(method: string): Promise<AgreementInitiator> | undefined;
  onRoundTrip(ms: number): void;
  /** NEWKEYS was sent: seal with these keys. */
  protectOutgoing(sealer: PacketSealer, algorithms: DirectionAlgorithms): void;
  /** NEWKEYS arrived: open with these keys. */
  protectIncoming(opener: PacketOpener, algorithms: DirectionAlgorithms): void;
}

export type RoleOptions =
  | ({ readonly name: 'client' } & ClientExchangeOptions)
  | ({ readonly name: 'server' } & ServerExchangeOptions);

export interface NegotiatedFacts {
  readonly negotiated: NegotiatedAlgorithms;
  /** Both sides announced strict key exchange; meaningful in the first exchange only. */
  readonly strict: boolean;
  /** The peer understands SSH_MSG_EXT_INFO. */
  readonly peerTakesExtInfo: boolean;
}

/** Runs one exchange; when it resolves, both directions use the new keys. */
export async function exchangeKeys(host: KeyExchangeHost): Promise<ExchangeResult> {
  const ownInit = encodeKexInit(host);
  host.send(ownInit);
  const peerInit = await host.next();
  host.log?.(1, 'SSH2_MSG_KEXINIT received');
  const { exchange, guessIsWrong } = settle(host, ownInit, peerInit);
  // RFC 4253 §7.1: a wrong guess is dropped, whatever it holds.
  if (guessIsWrong) await host.next();

  const result =
    host.role.name === 'client'
      ? await exchangeAsClient(exchange, withSameKey(host, host.role))
      : await exchangeAsServer(exchange, host.role);

  const sessionId = host.sessionId ?? result.exchangeHash;
  const { clientToServer, serverToClient } = exchange.negotiated;
  const [outgoing, incoming] =
    host.role.name === 'client' ? [clientToServer, serverToClient] : [serverToClient, clientToServer];
  host.send(newKeys.encode({}));
  host.protectOutgoing(protect(host, result, sessionId, outgoing, true).createSealer(), outgoing);
  host.log?.(1, 'expecting SSH2_MSG_NEWKEYS');
  const sentMs = host.now();
  newKeys.decode(await host.next());
  // The client's NEWKEYS answers our reply, so this was a round trip (and what the client took to think).
  if (host.role.name === 'server') host.onRoundTrip(host.now() - sentMs);
  host.protectIncoming(protect(host, result, sessionId, incoming, false).createOpener(), incoming);
  return result;
}

function encodeKexInit(host: KeyExchangeHost): Buffer {
  const { lists } = host;
  const isClient = host.role.name === 'client';
  // The announcements belong to the first exchange only.
  const announcements = isClient
    ? [pseudoAlgorithms.extInfoClient, pseudoAlgorithms.strictClient]
    : [pseudoAlgorithms.extInfoServer, pseudoAlgorithms.strictServer];
  return kexInit.encode({
    cookie: randomBytes(16),
    kex: host.sessionId === undefined ? [...lists.kex, ...announcements] : lists.kex,
    hostKey: lists.hostKey,
    cipherClientToServer: lists.cipher,
    cipherServerToClient: lists.cipher,
    macClientToServer: lists.mac,
    macServerToClient: lists.mac,
    compressionClientToServer: lists.compression,
    compressionServerToClient: lists.compression,
    languageClientToServer: [],
    languageServerToClient: [],
    firstKexPacketFollows: false,
    reserved: 0,
  });
}

function settle(
  host: KeyExchangeHost,
  ownPayload: Buffer,
  peerPayload: Buffer,
): { exchange: Exchange; guessIsWrong: boolean } {
  const isClient = host.role.name === 'client';
  const own = kexInit.decode(ownPayload);
  const peer = kexInit.decode(peerPayload);
  const [client, server] = isClient ? [own, peer] : [peer, own];
  logProposals(own, peer, host);
  host.onHostKeyOffer(peer.hostKey);
  const negotiated = negotiate(client, server, host.role.name);
  host.onNegotiated({
    negotiated,
    strict: client.kex.includes(pseudoAlgorithms.strictClient) && server.kex.includes(pseudoAlgorithms.strictServer),
    peerTakesExtInfo: peer.kex.includes(isClient ? pseudoAlgorithms.extInfoServer : pseudoAlgorithms.extInfoClient),
  });
  const [clientIdentification, serverIdentification] = isClient
    ? [host.ownIdentification, host.peerIdentification()]
    : [host.peerIdentification(), host.ownIdentification];
  let sentMs = 0;
  const exchange: Exchange = {
    negotiated,
    clientIdentification,
    serverIdentification,
    clientInit: isClient ? ownPayload : peerPayload,
    serverInit: isClient ? peerPayload : ownPayload,
    send(payload) {
      host.send(payload);
      sentMs = host.now();
    },
    async next() {
      const payload = await host.next();
      // Each of a client's messages is answered; later exchanges stand in line behind what is under way.
      if (isClient && host.sessionId === undefined) host.onRoundTrip(host.now() - sentMs);
      return payload;
    },
    log: (text) => host.log?.(1, text),
    prepared: (method) => host.prepared(method),
  };
  return { exchange, guessIsWrong: peer.firstKexPacketFollows && !isGuessRight(client, server) };
}

/** Both lists of lists in OpenSSH's words: what `ssh -vv` is asked for when two ends do not agree. */
function logProposals(own: KexInit, peer: KexInit, { role, log }: KeyExchangeHost): void {
  if (log === undefined) return;
  const other = role.name === 'client' ? 'server' : 'client';
  for (const [title, init] of [
    [`local ${role.name} KEXINIT proposal`, own],
    [`peer ${other} KEXINIT proposal`, peer],
  ] as const) {
    const lines: readonly (readonly [string, readonly string[]])[] = [
      ['KEX algorithms', init.kex],
      ['host key algorithms', init.hostKey],
      ['ciphers ctos', init.cipherClientToServer],
      ['ciphers stoc', init.cipherServerToClient],
      ['MACs ctos', init.macClientToServer],
      ['MACs stoc', init.macServerToClient],
      ['compression ctos', init.compressionClientToServer],
      ['compression stoc', init.compressionServerToClient],
      ['languages ctos', init.languageClientToServer],
      ['languages stoc', init.languageServerToClient],
    ];
    log(2, title);
    for (const [name, list] of lines) log(2, `${name}: ${list.map((entry) => printable(entry)).join(',')}`);
    log(2, `first_kex_follows ${Number(init.firstKexPacketFollows)} `);
    log(2, `reserved ${init.reserved} `);
  }
}

/** A server that shows another key in a later exchange is refused before anything is asked (OpenSSH CVE-2026-60002). */
function withSameKey(host: KeyExchangeHost, options: ClientExchangeOptions): ClientExchangeOptions {
  const first = host.hostKey;
  if (first === undefined) return options;
  return {
    ...options,
    verifyHostKey: async (key) => {
      if (key.equals(first)) return;
      throw new SshError('the server changed its host key in the middle of the connection', {
        code: 'host-key-changed',
        stage: 'host-key',
        side: 'peer',
        disconnect: disconnectReasons.hostKeyNotVerifiable,
      });
    },
  };
}

function protect(
  host: KeyExchangeHost,
  result: ExchangeResult,
  sessionId: Buffer,
  algorithms: DirectionAlgorithms,
  outgoing: boolean,
): { createSealer(): PacketSealer; createOpener(): PacketOpener } {
  const cipher = findCipher(algorithms.cipher);
  const mac = algorithms.mac === undefined ? null : (findMac(algorithms.mac) ?? null);
  if (cipher === undefined || cipher.aead !== (mac === null)) {
    throw protocolError('kex', `cipher ${algorithms.cipher} and MAC ${algorithms.mac} do not go together`);
  }
  const fromClient = outgoing === (host.role.name === 'client');
  const keys = deriveDirectionKeys(result, sessionId, fromClient ? 'clientToServer' : 'serverToClient', {
    ivBytes: cipher.ivBytes,
    keyBytes: cipher.keyBytes,
    macKeyBytes: mac?.keyBytes ?? 0,
  });
  return {
    createSealer: () => cipher.createSealer(keys, mac),
    createOpener: () => cipher.createOpener(keys, mac),
  };
}
