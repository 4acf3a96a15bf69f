/** Channel request window-change (RFC 4254 §6.7): the terminal has another size. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Sizes in characters and in pixels; 0 means not known. */
export const windowChange = {
  name: 'window-change',
  feature: undefined,
  sentBy: 'client',
  data: declareStructure('window-change', {
    columns: fields.uint32,
    rows: fields.uint32,
    widthPixels: fields.uint32,
    heightPixels: fields.uint32,
  }),
} as const satisfies FeatureRow & { data: object };
