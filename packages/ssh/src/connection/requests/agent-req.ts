/** Channel request agent-req (IANA's name for auth-agent-req@openssh.com, sent by OpenSSH 10.3 and later). */

import { declareStructure } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The same as auth-agent-req@openssh.com. */
export const agentReq = {
  name: 'agent-req',
  feature: 'agent-forwarding',
  sentBy: 'client',
  data: declareStructure('agent-req', {}),
} as const satisfies FeatureRow & { data: object };
