/** How long which sources are held off: a table of bounded size, however many there are. */
import type { Penalties } from '@nacre/ssh/config/server';

/** What the table is told to keep to; times are in seconds. */
export interface PenaltyLimits extends Pick<Penalties, 'min' | 'max' | 'overflow'> {
  readonly maxSources: number;
}

export interface PenaltyOutcome {
  /** `kept`: one that was there before has grown, and counts no more and no less than before. */
  readonly kind: 'new' | 'activated' | 'kept' | 'full';
  /** Whether the source is held off, or would be after more of the same. */
  readonly isActive: boolean;
  readonly remainingSeconds: number;
}

/** One source that is remembered. */
export interface PenaltyEntry {
  readonly source: string;
  readonly reason: string;
  /** Whether it is held off now, or would be after more of the same. */
  readonly isActive: boolean;
  readonly remainingSeconds: number;
}

interface Penalty {
  readonly source: string;
  expiry: number;
  isActive: boolean;
  reason: string;
  /** Where it stands in the heap. */
  index: number;
}

/** Penalties of one address family. Sources are found by name, and those that end first by a heap. */
export class PenaltyTable {
  readonly #bySource = new Map<string, Penalty>();
  /** Each ends no later than the two at 2i+1 and 2i+2. */
  readonly #heap: Penalty[] = [];
  readonly #now: () => number;

  /** @param now - seconds of a clock that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Those that are remembered, in no order. */
  entries(): PenaltyEntry[] {
    this.#expire();
    const now = this.#now();
    return this.#heap.map(({ source, reason, isActive, expiry }) => ({
      source,
      reason,
      isActive,
      remainingSeconds: expiry - now,
    }));
  }

  /** Why a source is held off; undefined where it is not. */
  reasonFor(source: string, { maxSources, overflow }: PenaltyLimits): string | undefined {
    this.#expire();
    if (overflow === 'deny-all' && this.size >= maxSources) return 'too many penalised addresses';
    const penalty = this.#bySource.get(source);
    return penalty?.isActive === true ? penalty.reason : undefined;
  }

  /** Adds to what a source has earned. */
  punish(source: string, seconds: number, reason: string, limits: PenaltyLimits): PenaltyOutcome {
    this.#expire();
    const now = this.#now();
    const old = this.#bySource.get(source);
    if (old !== undefined) return this.#prolong(old, now, seconds, reason, limits);
    if (this.size >= limits.maxSources) {
      if (limits.overflow === 'deny-all') return { kind: 'full', isActive: false, remainingSeconds: 0 };
      while (this.size >= limits.maxSources) this.#removeFirst();
    }
    const held = Math.min(seconds, limits.max);
    const isActive = seconds >= limits.min;
    const penalty = { source, expiry: now + held, isActive, reason, index: this.#heap.length };
    this.#bySource.set(source, penalty);
    this.#heap.push(penalty);
    this.#rise(penalty);
    return { kind: 'new', isActive, remainingSeconds: held };
  }

  #prolong(old: Penalty, now: number, seconds: number, reason: string, limits: PenaltyLimits): PenaltyOutcome {
    const before = old.expiry;
    old.expiry = Math.min(old.expiry + seconds, now + limits.max);
    old.reason = reason;
    const remainingSeconds = old.expiry - now;
    const isNew = !old.isActive && remainingSeconds >= limits.min;
    old.isActive ||= isNew;
    if (old.expiry < before) this.#rise(old);
    else this.#sink(old);
    return { kind: isNew ? 'activated' : 'kept', isActive: old.isActive, remainingSeconds };
  }

  #expire(): void {
    const now = this.#now();
    for (let first = this.#heap[0]; first !== undefined && first.expiry <= now; first = this.#heap[0]) {
      this.#removeFirst();
    }
  }

  #removeFirst(): void {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return;
    this.#bySource.delete(first.source);
    if (first === last) return;
    this.#put(last, 0);
    this.#sink(last);
  }

  #rise(penalty: Penalty): void {
    while (penalty.index > 0) {
      const parent = this.#heap[(penalty.index - 1) >> 1] as Penalty;
      if (parent.expiry <= penalty.expiry) return;
      this.#swap(parent, penalty);
    }
  }

  #sink(penalty: Penalty): void {
    for (;;) {
      const left = this.#heap[2 * penalty.index + 1];
      const right = this.#heap[2 * penalty.index + 2];
      const child = right !== undefined && left !== undefined && right.expiry < left.expiry ? right : left;
      if (child === undefined || child.expiry >= penalty.expiry) return;
      this.#swap(penalty, child);
    }
  }

  #swap(one: Penalty, other: Penalty): void {
    const { index } = one;
    this.#put(one, other.index);
    this.#put(other, index);
  }

  #put(penalty: Penalty, index: number): void {
    penalty.index = index;
    this.#heap[index] = penalty;
  }
}
