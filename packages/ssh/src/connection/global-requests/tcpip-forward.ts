/** Global request tcpip-forward (RFC 4254 §7.1): the client asks the server to listen. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Where to listen; port 0 lets the server choose, and its answer tells which. */
export const tcpipForward = {
  name: 'tcpip-forward',
  feature: 'port-forwarding',
  sentBy: 'client',
  data: declareStructure('tcpip-forward', { address: fields.text, port: fields.uint32 }),
} as const satisfies FeatureRow & { data: object };

/** The data of the answer when port 0 was asked for: the port that was chosen. */
export const allocatedPort = declareStructure('tcpip-forward reply', { port: fields.uint32 });
