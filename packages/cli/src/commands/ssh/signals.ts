/** Signals that end ssh. */
import { failureStatus } from './end.ts';
import type { Request } from './request.ts';

/** What a signal has ended, and how to stop waiting for one. */
export interface SignalWatch {
  /** The exit status that a signal has given us. */
  readonly status: number | undefined;
  stop(): void;
}

/**
 * As OpenSSH: a signal that ends the client ends the session in good order, with status 255; -N that is asked to end has done
 * well.
 */
export function watchSignals(close: () => Promise<void>, { log, settings }: Request): SignalWatch {
  let ended: number | undefined;
  const watches = Object.entries(numbers).map(([name, number]) => {
    const end = () => {
      log.verbose(`Killed by signal ${number}.`);
      const status = name === 'SIGTERM' && settings.sessionType === 'none' ? 0 : failureStatus;
      ended = status;
      void close().then(() => process.exit(status));
    };
    // Not `once`: what else watches for signals ends the process where it sees nobody left who does.
    process.on(name, end);
    return () => void process.off(name, end);
  });
  return {
    get status() {
      return ended;
    },
    stop: () => {
      for (const stop of watches) stop();
    },
  };
}

const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
