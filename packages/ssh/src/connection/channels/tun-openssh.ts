/** Channel type tun@openssh.com (OpenSSH PROTOCOL §2.3): packets of a tunnel device. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Mode 1 is point to point (IP), 2 is ethernet; unit 0x7fffffff asks for any device. */
export const tunOpenssh = {
  name: 'tun@openssh.com',
  feature: 'tunnel',
  sentBy: 'both',
  data: declareStructure('tun@openssh.com', { mode: fields.uint32, unit: fields.uint32 }),
} as const satisfies FeatureRow & { data: object };
