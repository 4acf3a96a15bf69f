/** Listeners of AbortSignals: one a signal, however many requests are given up by it. Node warns of more than ten. */

export class AbortListeners {
  readonly #bySignal = new Map<AbortSignal, { readonly tell: () => void; readonly listeners: Set<() => void> }>();

  add(signal: AbortSignal, listener: () => void): void {
    let entry = this.#bySignal.get(signal);
    if (entry === undefined) {
      const listeners = new Set<() => void>();
      const tell = () => {
        this.#bySignal.delete(signal);
        for (const one of listeners) one();
      };
      entry = { tell, listeners };
      this.#bySignal.set(signal, entry);
      signal.addEventListener('abort', tell, { once: true });
    }
    entry.listeners.add(listener);
  }

  remove(signal: AbortSignal, listener: () => void): void {
    const entry = this.#bySignal.get(signal);
    if (!entry?.listeners.delete(listener) || entry.listeners.size > 0) return;
    this.#bySignal.delete(signal);
    signal.removeEventListener('abort', entry.tell);
  }
}
