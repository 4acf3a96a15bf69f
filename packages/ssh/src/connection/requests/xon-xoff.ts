/** Channel request xon-xoff (RFC 4254 §6.8): whether the client may handle ^S and ^Q itself. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Never wants a reply. */
export const xonXoff = {
  name: 'xon-xoff',
  feature: undefined,
  sentBy: 'server',
  data: declareStructure('xon-xoff', { clientCanDo: fields.boolean }),
} as const satisfies FeatureRow & { data: object };
