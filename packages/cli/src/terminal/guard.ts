/** Puts a terminal back however the program ends or pauses: exit, crash, signals, suspension. */

/** What to do with the terminal; both must be synchronous and harmless when called twice. */
export interface TerminalHooks {
  /** Gives the terminal back as it was found. */
  restore(): void;
  /** Takes it again after a suspension; a shell may have changed the modes meanwhile, so they are set anew. */
  retake(): void;
}

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
/** A process group without a job-control shell is not stopped by SIGTSTP: no SIGCONT comes, so we go on by ourselves. */
const continueAfterMs = 100;

/** Watches until released. Signals that nobody else listens to still end the process, after the terminal was restored. */
export class TerminalGuard {
  readonly #hooks: TerminalHooks;
  readonly #onExit: () => void;
  readonly #onSignal: (signal: NodeJS.Signals) => void;
  readonly #onStop: () => void;
  readonly #onContinue: () => void;
  #released = false;

  constructor(hooks: TerminalHooks) {
    this.#hooks = hooks;
    this.#onExit = () => hooks.restore();
    this.#onSignal = (signal) => {
      hooks.restore();
      this.release();
      // Others decide if they listen; otherwise the signal does what it would have done without us.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    };
    this.#onStop = () => void this.suspend();
    this.#onContinue = () => hooks.retake();
    process.on('exit', this.#onExit);
    for (const signal of endingSignals) process.on(signal, this.#onSignal);
    process.on('SIGTSTP', this.#onStop);
    process.on('SIGCONT', this.#onContinue);
  }

  /** Restores the terminal, stops this program as Ctrl-Z would, and takes the terminal again when it goes on. */
  async suspend(): Promise<void> {
    this.#hooks.restore();
    process.off('SIGTSTP', this.#onStop);
    process.off('SIGCONT', this.#onContinue);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, continueAfterMs);
      function done(): void {
        clearTimeout(timer);
        process.off('SIGCONT', done);
        resolve();
      }
      process.on('SIGCONT', done);
      process.kill(process.pid, 'SIGTSTP');
    });
    if (this.#released) return;
    process.on('SIGTSTP', this.#onStop);
    process.on('SIGCONT', this.#onContinue);
    this.#hooks.retake();
  }

  /** Stops watching; the terminal stays as it is. */
  release(): void {
    this.#released = true;
    process.off('exit', this.#onExit);
    for (const signal of endingSignals) process.off(signal, this.#onSignal);
    process.off('SIGTSTP', this.#onStop);
    process.off('SIGCONT', this.#onContinue);
  }
}
