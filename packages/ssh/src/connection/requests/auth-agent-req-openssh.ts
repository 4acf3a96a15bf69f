/** Channel request auth-agent-req@openssh.com (OpenSSH PROTOCOL.agent §4): the client offers its agent. */

import { declareStructure } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** OpenSSH's name for it. */
export const authAgentReqOpenssh = {
  name: 'auth-agent-req@openssh.com',
  feature: 'agent-forwarding',
  sentBy: 'client',
  data: declareStructure('auth-agent-req@openssh.com', {}),
} as const satisfies FeatureRow & { data: object };
