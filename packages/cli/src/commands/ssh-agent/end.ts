/** How an agent ends: its socket goes with it. */
import { constants } from 'node:os';
import type { Listener } from './listen.ts';
import type { AgentLog } from './log.ts';

/** OpenSSH's status for an agent that a signal ended. */
const endedBySignal = 2;

export function endOnSignals(listener: Listener, signals: readonly NodeJS.Signals[], log: AgentLog): void {
  for (const signal of signals) {
    process.on(signal, () => {
      log('info', `exiting on signal ${constants.signals[signal]}`);
      end(listener);
    });
  }
}

export function end(listener: Listener): never {
  listener.remove();
  process.exit(endedBySignal);
}
