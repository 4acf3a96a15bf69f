/** ControlPersist: a master without a session of its own ends when nobody has used it for a while. */
import type { ClientConnection } from './client-connection.ts';
import type { MuxMaster } from './mux-master.ts';

export interface Persistence {
  /** To be called when clients come or go (MuxPolicy.onChange), and when a session of the master's own ends. */
  check(): void;
  /** Stops counting. */
  stop(): void;
}

/**
 * Calls back when a master was idle for `idleMs`: no client is connected and no channel of its own is open, not even a
 * forwarded one.
 *
 * @param idleMs - 0 for never, as `ControlPersist yes` has it.
 */
export function persistWhileUsed(
  connection: ClientConnection,
  master: MuxMaster,
  idleMs: number,
  onIdle: () => void,
): Persistence {
  let timer: NodeJS.Timeout | undefined;
  const wait = (leftMs: number): void => {
    // Channels come and go without telling: what is open when the time is over begins it anew.
    if (leftMs <= longestTimerMs) timer = setTimeout(() => (isUsed() ? check() : onIdle()), leftMs);
    else timer = setTimeout(() => wait(leftMs - longestTimerMs), longestTimerMs);
  };
  const isUsed = (): boolean => master.clientCount > 0 || connection.connection.channels.length > 0;
  const stop = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  const check = (): void => {
    stop();
    if (idleMs === 0 || master.clientCount > 0) return;
    wait(idleMs);
  };
  void connection.closed.then(stop);
  check();
  return { check, stop };
}

/** 24.8 days: Node takes a longer time for none at all. */
const longestTimerMs = 0x7fff_ffff;
