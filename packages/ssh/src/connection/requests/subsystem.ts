/** Channel request subsystem (RFC 4254 §6.5): start a named service such as sftp. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The service's name. */
export const subsystem = {
  name: 'subsystem',
  feature: undefined,
  sentBy: 'client',
  data: declareStructure('subsystem', { subsystem: fields.text }),
} as const satisfies FeatureRow & { data: object };
