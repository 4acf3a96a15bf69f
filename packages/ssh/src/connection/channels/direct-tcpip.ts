/** Channel type direct-tcpip (RFC 4254 §7.2): the client asks the server to connect somewhere. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Where to connect, and who asked the client for it. */
export const directTcpip = {
  name: 'direct-tcpip',
  feature: 'port-forwarding',
  sentBy: 'client',
  data: declareStructure('direct-tcpip', {
    host: fields.text,
    port: fields.uint32,
    originatorAddress: fields.text,
    originatorPort: fields.uint32,
  }),
} as const satisfies FeatureRow & { data: object };
