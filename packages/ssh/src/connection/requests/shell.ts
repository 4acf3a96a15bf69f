/** Channel request shell (RFC 4254 §6.5): start the user's shell. */

import { declareStructure } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** One of shell, exec and subsystem starts a session, once. */
export const shell = {
  name: 'shell',
  feature: undefined,
  sentBy: 'client',
  data: declareStructure('shell', {}),
} as const satisfies FeatureRow & { data: object };
