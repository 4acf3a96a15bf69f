/** Whose turn it is to send: interactive channels first, then bulk in turn, a packet each, while the link is ready. */

import type { ConnectionLink } from '../transport/link.ts';

/** A channel as the scheduler sees it. */
export interface Sender {
  /** Whether little is waiting on an interactive channel: it goes before all bulk. */
  readonly urgent: boolean;
  /** Owned by the scheduler: whether the sender stands in its lists. */
  scheduled: boolean;
  /** Sends at most one packet; returns whether another could follow. */
  sendOne(): boolean;
}

/** Gives turns. While the link is ready nothing waits here, so a wake on an idle connection sends at once. */
export class Scheduler {
  readonly #link: ConnectionLink;
  readonly #urgent: Sender[] = [];
  readonly #bulk: Sender[] = [];
  #running = false;

  constructor(link: ConnectionLink) {
    this.#link = link;
  }

  /** A sender has something to send. */
  wake(sender: Sender): void {
    if (!sender.scheduled) {
      sender.scheduled = true;
      (sender.urgent ? this.#urgent : this.#bulk).push(sender);
    }
    this.run();
  }

  /** Gives turns until the link is full or nobody has anything left. What is woken meanwhile gets its turn as well. */
  run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#link.ready) {
        const sender = this.#urgent.shift() ?? this.#bulk.shift();
        if (sender === undefined) break;
        sender.scheduled = false;
        const isUrgent = sender.urgent;
        const more = sender.sendOne();
        // Bulk of the same turn may take longer than all the rest of a key's way.
        if (isUrgent && !more) this.#link.flush?.();
        if (more && !sender.scheduled) {
          sender.scheduled = true;
          (sender.urgent ? this.#urgent : this.#bulk).push(sender);
        }
      }
    } finally {
      this.#running = false;
    }
  }

  /** Forgets everyone: the connection ended. */
  clear(): void {
    for (const sender of [...this.#urgent, ...this.#bulk]) sender.scheduled = false;
    this.#urgent.length = 0;
    this.#bulk.length = 0;
  }
}
