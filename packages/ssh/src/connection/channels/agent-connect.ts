/** Channel type agent-connect (IANA's name for auth-agent@openssh.com, sent by OpenSSH 10.3 and later). */

import { declareStructure } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The same as auth-agent@openssh.com. */
export const agentConnect = {
  name: 'agent-connect',
  feature: 'agent-forwarding',
  sentBy: 'server',
  data: declareStructure('agent-connect', {}),
} as const satisfies FeatureRow & { data: object };
