/** Global request streamlocal-forward@openssh.com (OpenSSH PROTOCOL §2.4): listen on a Unix socket. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Where to listen. */
export const streamlocalForwardOpenssh = {
  name: 'streamlocal-forward@openssh.com',
  feature: 'streamlocal-forwarding',
  sentBy: 'client',
  data: declareStructure('streamlocal-forward@openssh.com', { socketPath: fields.text }),
} as const satisfies FeatureRow & { data: object };
