/** Every channel type, a row each, with the feature it needs permission for. */

import type { FeatureRow } from '../feature.ts';
import { agentConnect } from './agent-connect.ts';
import { authAgentOpenssh } from './auth-agent-openssh.ts';
import { directStreamlocalOpenssh } from './direct-streamlocal-openssh.ts';
import { directTcpip } from './direct-tcpip.ts';
import { forwardedStreamlocalOpenssh } from './forwarded-streamlocal-openssh.ts';
import { forwardedTcpip } from './forwarded-tcpip.ts';
import { session } from './session.ts';
import { tunOpenssh } from './tun-openssh.ts';
import { x11 } from './x11.ts';

export const channelTypes: readonly FeatureRow[] = [
  session,
  directTcpip,
  forwardedTcpip,
  directStreamlocalOpenssh,
  forwardedStreamlocalOpenssh,
  authAgentOpenssh,
  agentConnect,
  x11,
  tunOpenssh,
];
