/** Channel type x11 (RFC 4254 §6.3.2): an X11 program on the server reaches for the client's display. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Who connected. */
export const x11 = {
  name: 'x11',
  feature: 'X11-forwarding',
  sentBy: 'server',
  data: declareStructure('x11', { originatorAddress: fields.text, originatorPort: fields.uint32 }),
} as const satisfies FeatureRow & { data: object };
