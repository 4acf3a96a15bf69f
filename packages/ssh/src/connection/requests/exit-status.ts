/** Channel request exit-status (RFC 4254 §6.10): the program ended. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** 0 is success. */
export const exitStatus = {
  name: 'exit-status',
  feature: undefined,
  sentBy: 'server',
  data: declareStructure('exit-status', { status: fields.uint32 }),
} as const satisfies FeatureRow & { data: object };
