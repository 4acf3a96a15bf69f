/** Channel type session (RFC 4254 §6.1): a program on the server, with or without a terminal. */

import { declareStructure } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** A client opens it; a server that opens one is refused (RFC 4254 §6.1: clients SHOULD reject). */
export const session = {
  name: 'session',
  feature: undefined,
  sentBy: 'client',
  data: declareStructure('session', {}),
} as const satisfies FeatureRow & { data: object };
