/** Channel request x11-req (RFC 4254 §6.3.1): the client offers its display. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The cookie is a fake one; the client puts the real one in its place. */
export const x11Req = {
  name: 'x11-req',
  feature: 'X11-forwarding',
  sentBy: 'client',
  data: declareStructure('x11-req', {
    singleConnection: fields.boolean,
    authProtocol: fields.text,
    authCookie: fields.text,
    screen: fields.uint32,
  }),
} as const satisfies FeatureRow & { data: object };
