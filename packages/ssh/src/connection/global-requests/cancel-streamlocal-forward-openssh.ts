/** Global request cancel-streamlocal-forward@openssh.com (OpenSSH PROTOCOL §2.4). */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The path as asked for. */
export const cancelStreamlocalForwardOpenssh = {
  name: 'cancel-streamlocal-forward@openssh.com',
  feature: 'streamlocal-forwarding',
  sentBy: 'client',
  data: declareStructure('cancel-streamlocal-forward@openssh.com', { socketPath: fields.text }),
} as const satisfies FeatureRow & { data: object };
