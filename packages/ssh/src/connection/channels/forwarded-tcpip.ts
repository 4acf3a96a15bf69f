/** Channel type forwarded-tcpip (RFC 4254 §7.2): a connection came to a port the client had the server listen on. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Which listener it came to (as tcpip-forward named it), and from where. */
export const forwardedTcpip = {
  name: 'forwarded-tcpip',
  feature: 'port-forwarding',
  sentBy: 'server',
  data: declareStructure('forwarded-tcpip', {
    address: fields.text,
    port: fields.uint32,
    originatorAddress: fields.text,
    originatorPort: fields.uint32,
  }),
} as const satisfies FeatureRow & { data: object };
