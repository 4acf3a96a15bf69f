/** Channel request break (RFC 4335): a break condition on the terminal line. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** 0 leaves the length to the server; others are held to 500 to 3000 ms. */
export const breakRequest = {
  name: 'break',
  feature: undefined,
  sentBy: 'client',
  data: declareStructure('break', { lengthMs: fields.uint32 }),
} as const satisfies FeatureRow & { data: object };
