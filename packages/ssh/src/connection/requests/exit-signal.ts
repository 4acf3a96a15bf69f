/** Channel request exit-signal (RFC 4254 §6.10): a signal ended the program. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The signal's name comes without SIG. */
export const exitSignal = {
  name: 'exit-signal',
  feature: undefined,
  sentBy: 'server',
  data: declareStructure('exit-signal', {
    signal: fields.string,
    coreDumped: fields.boolean,
    message: fields.string,
    language: fields.string,
  }),
} as const satisfies FeatureRow & { data: object };
