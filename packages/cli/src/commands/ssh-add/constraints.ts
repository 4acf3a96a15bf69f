/** What the keys that are added may be used for: -t, -c and -h. */
import type { AgentConstraints } from '@nacre/ssh/agent';
import type { Request } from './request.ts';

export async function readConstraints(request: Request): Promise<AgentConstraints> {
  const { flags, lifetimeSeconds } = request;
  const destinations =
    flags.destinations.length === 0 ? undefined : (await import('./destinations.ts')).readDestinations(request);
  return {
    ...(lifetimeSeconds > 0 && { lifetimeSeconds }),
    ...(flags.confirm && { confirm: true }),
    ...(destinations !== undefined && { destinations }),
  };
}
