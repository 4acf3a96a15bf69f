/** Channel request pty-req (RFC 4254 §6.2): give the session a terminal. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The modes are a string of their own, see terminal-modes.ts. */
export const ptyReq = {
  name: 'pty-req',
  feature: 'pty',
  sentBy: 'client',
  data: declareStructure('pty-req', {
    term: fields.text,
    columns: fields.uint32,
    rows: fields.uint32,
    widthPixels: fields.uint32,
    heightPixels: fields.uint32,
    modes: fields.string,
  }),
} as const satisfies FeatureRow & { data: object };
