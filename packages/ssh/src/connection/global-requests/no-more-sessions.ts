/** Global request no-more-sessions@openssh.com (OpenSSH PROTOCOL §2.2): the client opens no further session. */

import { declareStructure } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The server ends the connection when a session is opened after it. */
export const noMoreSessions = {
  name: 'no-more-sessions@openssh.com',
  feature: undefined,
  sentBy: 'client',
  data: declareStructure('no-more-sessions@openssh.com', {}),
} as const satisfies FeatureRow & { data: object };
