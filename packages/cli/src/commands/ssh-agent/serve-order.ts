/** What the second process does: listens, says so, and serves in the background. */
import { serve } from './agent.ts';
import { type AgentOrder, leaveStarter, onStarterEnd, reportFailure, reportReady } from './background.ts';
import { end, endOnSignals } from './end.ts';
import { type Listener, listen } from './listen.ts';
import type { AgentSettings } from './settings.ts';

/** Never returns but where it cannot listen. */
export async function serveOrder(order: AgentOrder, settings: AgentSettings): Promise<number> {
  let listener: Listener;
  try {
    listener = await listen(order);
  } catch (error) {
    reportFailure(error instanceof Error ? error.message : String(error));
    return 1;
  }
  process.on('SIGINT', () => {});
  endOnSignals(listener, ['SIGHUP', 'SIGTERM'], () => {});
  // It must not keep a folder busy that somebody wants to remove or unmount.
  process.chdir('/');
  reportReady();
  if (order.endsWithStarter) onStarterEnd(() => end(listener));
  else leaveStarter();
  serve(listener, settings, 'own', () => {});
  return new Promise(() => {});
}
