/** Channel request eow@openssh.com (OpenSSH PROTOCOL §2.1): the sender reads no more data. */

import { declareStructure } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Only for peers known to take it: some others end the connection over an unknown request. */
export const eowOpenssh = {
  name: 'eow@openssh.com',
  feature: undefined,
  sentBy: 'both',
  data: declareStructure('eow@openssh.com', {}),
} as const satisfies FeatureRow & { data: object };
