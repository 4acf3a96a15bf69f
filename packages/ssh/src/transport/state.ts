/** The whole state of a transport after login, so that another process can go on with its socket. */
import type { PacketProtectionState } from '../crypto/packet-protection.ts';
import type { NegotiatedAlgorithms } from './algorithms.ts';
import type { Role } from './phase.ts';

/** Plain data: structured-cloneable, so that it can go over a process's message channel. It holds the session's keys. */
export interface TransportState {
  readonly format: 1;
  readonly role: Role;
  readonly ownIdentification: string;
  readonly peerIdentification: string;
  readonly sessionId: Uint8Array;
  readonly hostKeyBlob: Uint8Array;
  readonly strict: boolean;
  readonly negotiated: NegotiatedAlgorithms;
  readonly peerExtensions: readonly (readonly [string, Uint8Array])[];
  readonly sending: DirectionState;
  readonly receiving: DirectionState;
  /** Bytes received and not parsed yet. */
  readonly buffered: Uint8Array;
}

export interface DirectionState {
  readonly protection: PacketProtectionState;
  readonly sequence: number;
  readonly packetsSinceKeys: number;
  readonly bytesSinceKeys: number;
}

interface Direction {
  sequence: number;
  packetsSinceKeys: number;
  bytesSinceKeys: number;
}

export function exportDirection(direction: Direction & { exportState(): PacketProtectionState }): DirectionState {
  const { sequence, packetsSinceKeys, bytesSinceKeys } = direction;
  return { protection: direction.exportState(), sequence, packetsSinceKeys, bytesSinceKeys };
}

export function importDirection(direction: Direction, state: DirectionState): void {
  direction.sequence = state.sequence;
  direction.packetsSinceKeys = state.packetsSinceKeys;
  direction.bytesSinceKeys = state.bytesSinceKeys;
}
