/** Channel request env (RFC 4254 §6.4): set an environment variable before the program starts. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Bytes: a value the server cannot read is refused, not a reason to end the connection. */
export const env = {
  name: 'env',
  feature: undefined,
  sentBy: 'client',
  data: declareStructure('env', { variable: fields.string, value: fields.string }),
} as const satisfies FeatureRow & { data: object };
