/** Channel type auth-agent@openssh.com (OpenSSH PROTOCOL.agent §4): a remote program reaches for the client's agent. */

import { declareStructure } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** OpenSSH's name for it, since before there was a standard one. */
export const authAgentOpenssh = {
  name: 'auth-agent@openssh.com',
  feature: 'agent-forwarding',
  sentBy: 'server',
  data: declareStructure('auth-agent@openssh.com', {}),
} as const satisfies FeatureRow & { data: object };
