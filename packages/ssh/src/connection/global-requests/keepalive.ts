/** Global request keepalive@openssh.com: asks for any answer, to see that the peer lives. */

import { declareStructure } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Peers that do not know it answer REQUEST_FAILURE, which does as well. */
export const keepalive = {
  name: 'keepalive@openssh.com',
  feature: undefined,
  sentBy: 'both',
  data: declareStructure('keepalive@openssh.com', {}),
} as const satisfies FeatureRow & { data: object };
