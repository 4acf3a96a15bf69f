/** The whole state of a transport after login, so that another process can go on with its socket. */
import { restoreOpener, restoreSealer } from '../crypto/ciphers/table.ts';
import type { PacketProtectionState } from '../crypto/packet-protection.ts';
import { decodePublicKey } from '../keys/public-key.ts';
import { asBuffer } from '../wire/index.ts';
import type { NegotiatedAlgorithms } from './algorithms.ts';
import { misuse } from './endings.ts';
import type { Exchanger } from './exchanger.ts';
import type { PeerExtensions } from './ext-info.ts';
import type { PacketReader } from './packet-reader.ts';
import type { PacketWriter } from './packet-writer.ts';
import type { Role } from './phase.ts';

/** Plain data: structured-cloneable, so that it can go over a process's message channel. It holds the session's keys. */
export interface TransportState {
  readonly format: 1;
  readonly role: Role;
  readonly ownIdentification: string;
  readonly peerIdentification: string;
  readonly sessionId: Uint8Array;
  readonly hostKeyBlob: Uint8Array;
  readonly hostKeySignature: Uint8Array;
  readonly strict: boolean;
  readonly negotiated: NegotiatedAlgorithms;
  readonly peerExtensions: readonly (readonly [string, Uint8Array])[];
  readonly sending: DirectionState;
  readonly receiving: DirectionState;
  /** As far as it was seen: windows start by it. */
  readonly roundTripMs: number | undefined;
  /** Bytes received and not parsed yet. */
  readonly buffered: Uint8Array;
}

export interface DirectionState {
  readonly protection: PacketProtectionState;
  readonly sequence: number;
  readonly packetsSinceKeys: number;
  readonly bytesSinceKeys: number;
}

/** The parts of a transport that its state is made of. */
export interface TransportParts {
  readonly role: Role;
  readonly ownIdentification: string;
  peerIdentification: string;
  readonly extensions: PeerExtensions;
  readonly exchanger: Exchanger;
  readonly reader: PacketReader;
  readonly writer: PacketWriter;
}

/** @throws SshError `misuse` before the first key exchange is done, during a later one, or with a compression context in use. */
export function requireExportable({ exchanger, reader, writer }: TransportParts): void {
  if (!exchanger.isIdle || exchanger.sessionId === undefined) {
    throw misuse('a transport can be handed over after login and outside of a key exchange only');
  }
  if (reader.hasCompressionContext || writer.hasCompressionContext) {
    throw misuse('a transport whose compression has begun cannot be handed over');
  }
}

/** The state as plain data. The caller has stopped everything that could change it. */
export function exportParts(parts: TransportParts): TransportState {
  const { exchanger, reader, writer } = parts;
  const { negotiated, sessionId, hostKey, hostKeySignature, strict } = exchanger;
  if (!negotiated || !sessionId || !hostKey || !hostKeySignature)
    throw misuse('a transport can be handed over after login only');
  return {
    format: 1,
    role: parts.role,
    ownIdentification: parts.ownIdentification,
    peerIdentification: parts.peerIdentification,
    sessionId,
    hostKeyBlob: hostKey.blob,
    hostKeySignature,
    strict,
    negotiated,
    peerExtensions: [...parts.extensions.all],
    sending: exportDirection(writer),
    receiving: exportDirection(reader),
    roundTripMs: exchanger.roundTripMs,
    buffered: reader.takeBuffered(),
  };
}

/** Puts a state into the parts of a new transport. */
export function importParts(parts: TransportParts, state: TransportState): void {
  const { exchanger, reader, writer } = parts;
  parts.peerIdentification = state.peerIdentification;
  parts.extensions.all = new Map(state.peerExtensions.map(([name, value]) => [name, asBuffer(value)]));
  exchanger.restore({
    sessionId: asBuffer(state.sessionId),
    hostKey: decodePublicKey(state.hostKeyBlob),
    hostKeySignature: asBuffer(state.hostKeySignature),
    strict: state.strict,
    negotiated: state.negotiated,
  });
  exchanger.roundTripMs = state.roundTripMs;
  writer.setProtection(restoreSealer(state.sending.protection), false);
  reader.setProtection(restoreOpener(state.receiving.protection), false);
  importDirection(writer, state.sending);
  importDirection(reader, state.receiving);
  reader.feed(asBuffer(state.buffered));
  reader.settle();
}

interface Direction {
  sequence: number;
  packetsSinceKeys: number;
  bytesSinceKeys: number;
}

function exportDirection(direction: Direction & { exportState(): PacketProtectionState }): DirectionState {
  const { sequence, packetsSinceKeys, bytesSinceKeys } = direction;
  return { protection: direction.exportState(), sequence, packetsSinceKeys, bytesSinceKeys };
}

function importDirection(direction: Direction, state: DirectionState): void {
  direction.sequence = state.sequence;
  direction.packetsSinceKeys = state.packetsSinceKeys;
  direction.bytesSinceKeys = state.bytesSinceKeys;
}
