/** Every channel request, a row each, with the feature it needs permission for. */

import type { FeatureRow } from '../feature.ts';
import { agentReq } from './agent-req.ts';
import { authAgentReqOpenssh } from './auth-agent-req-openssh.ts';
import { breakRequest } from './break.ts';
import { env } from './env.ts';
import { eowOpenssh } from './eow-openssh.ts';
import { exec } from './exec.ts';
import { exitSignal } from './exit-signal.ts';
import { exitStatus } from './exit-status.ts';
import { ptyReq } from './pty-req.ts';
import { shell } from './shell.ts';
import { signal } from './signal.ts';
import { subsystem } from './subsystem.ts';
import { windowChange } from './window-change.ts';
import { x11Req } from './x11-req.ts';
import { xonXoff } from './xon-xoff.ts';

export const channelRequests: readonly FeatureRow[] = [
  ptyReq,
  x11Req,
  authAgentReqOpenssh,
  agentReq,
  env,
  shell,
  exec,
  subsystem,
  windowChange,
  xonXoff,
  signal,
  breakRequest,
  exitStatus,
  exitSignal,
  eowOpenssh,
];
