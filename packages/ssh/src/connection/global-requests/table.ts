/** Every global request, a row each, with the feature it needs permission for. */

import type { FeatureRow } from '../feature.ts';
import { cancelStreamlocalForwardOpenssh } from './cancel-streamlocal-forward-openssh.ts';
import { cancelTcpipForward } from './cancel-tcpip-forward.ts';
import { hostkeysOpenssh, hostkeysProveOpenssh } from './hostkeys-openssh.ts';
import { keepalive } from './keepalive.ts';
import { noMoreSessions } from './no-more-sessions.ts';
import { streamlocalForwardOpenssh } from './streamlocal-forward-openssh.ts';
import { tcpipForward } from './tcpip-forward.ts';

export const globalRequests: readonly FeatureRow[] = [
  tcpipForward,
  cancelTcpipForward,
  streamlocalForwardOpenssh,
  cancelStreamlocalForwardOpenssh,
  keepalive,
  noMoreSessions,
  hostkeysOpenssh,
  hostkeysProveOpenssh,
];
