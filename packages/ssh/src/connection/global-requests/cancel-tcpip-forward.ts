/** Global request cancel-tcpip-forward (RFC 4254 §7.1): the server stops listening. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Address as asked for; the port that was allocated. */
export const cancelTcpipForward = {
  name: 'cancel-tcpip-forward',
  feature: 'port-forwarding',
  sentBy: 'client',
  data: declareStructure('cancel-tcpip-forward', { address: fields.text, port: fields.uint32 }),
} as const satisfies FeatureRow & { data: object };
