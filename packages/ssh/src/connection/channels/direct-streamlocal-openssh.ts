/** Channel type direct-streamlocal@openssh.com (OpenSSH PROTOCOL §2.4): connect to a Unix socket on the server. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The path, and two fields without a use yet. */
export const directStreamlocalOpenssh = {
  name: 'direct-streamlocal@openssh.com',
  feature: 'streamlocal-forwarding',
  sentBy: 'client',
  data: declareStructure('direct-streamlocal@openssh.com', {
    socketPath: fields.text,
    reserved: fields.string,
    reservedNumber: fields.uint32,
  }),
} as const satisfies FeatureRow & { data: object };
