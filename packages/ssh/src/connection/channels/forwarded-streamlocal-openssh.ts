/** Channel type forwarded-streamlocal@openssh.com (OpenSSH PROTOCOL §2.4): a connection came to a Unix socket. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The path, and a field without a use yet. */
export const forwardedStreamlocalOpenssh = {
  name: 'forwarded-streamlocal@openssh.com',
  feature: 'streamlocal-forwarding',
  sentBy: 'server',
  data: declareStructure('forwarded-streamlocal@openssh.com', { socketPath: fields.text, reserved: fields.string }),
} as const satisfies FeatureRow & { data: object };
