/** Channel request exec (RFC 4254 §6.5): run a command. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Bytes, because commands of other systems need not be UTF-8. */
export const exec = {
  name: 'exec',
  feature: undefined,
  sentBy: 'client',
  data: declareStructure('exec', { command: fields.string }),
} as const satisfies FeatureRow & { data: object };
