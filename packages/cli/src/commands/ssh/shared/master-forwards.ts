/** -L, -R and -D of a request, opened or cancelled in a master. */
import type { MuxClient } from '@nacre/ssh/client';
import type { Forward } from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import type { MuxForward } from '@nacre/ssh/mux';
import type { Request } from '../request.ts';
import { denied, refusalReason } from './control-path.ts';

/** Every forward of the settings, as masters know them. */
export function muxForwards({ settings }: Request): MuxForward[] {
  if (settings.clearAllForwardings) return [];
  const of = (kind: MuxForward['kind'], forwards: readonly Forward[]): MuxForward[] =>
    forwards.map(({ listen, target }) => ({ kind, listen, target }));
  const { localForward, dynamicForward, remoteForward } = settings;
  return [...of('local', localForward), ...of('dynamic', dynamicForward), ...of('remote', remoteForward)];
}

/**
 * Has the master open or cancel what was asked for, up to the first that fails.
 *
 * @returns whether all of it was done; the log says what was not.
 */
export async function changeForwards(
  master: MuxClient,
  request: Request,
  change: 'open' | 'cancel',
  onPort: (port: number) => void = () => {},
): Promise<boolean> {
  const { log } = request;
  for (const forward of muxForwards(request)) {
    try {
      if (change === 'cancel') await master.closeForward(forward);
      else {
        const port = await master.openForward(forward);
        if (port === undefined) continue;
        log.verbose(`Allocated port ${port} for remote forward to ${describeTarget(forward)}`);
        onPort(port);
      }
    } catch (error) {
      if (!(error instanceof SshError)) throw error;
      const reason = refusalReason(error);
      if (reason === denied) log.error(`Master refused forwarding request: ${reason}`);
      else log.error(`mux_client_forward: forwarding request failed: ${reason}`);
      return false;
    }
  }
  return true;
}

function describeTarget({ target }: MuxForward): string {
  if (target.kind === 'socks') return 'socks:0';
  return target.kind === 'unix' ? target.path : `${target.host}:${target.port}`;
}
