/** Counters and histograms that are added to as things happen, and read when somebody asks. */
import type { MetricFamily, Sample } from './exposition.ts';

type Labels = Readonly<Record<string, string>>;

/** Counts by labels. Their values must come from sets that end: each combination is kept for ever. */
export class Counter {
  readonly #name: string;
  readonly #help: string;
  readonly #values = new Map<string, { readonly labels: Labels; value: number }>();

  constructor(name: string, help: string, start: readonly Labels[] = []) {
    this.#name = name;
    this.#help = help;
    // Those that are known stand at 0 from the start: the first event is an increase then.
    for (const labels of start) this.add(labels, 0);
  }

  add(labels: Labels = {}, by = 1): void {
    const key = Object.values(labels).join('\0');
    const entry = this.#values.get(key);
    if (entry === undefined) this.#values.set(key, { labels, value: by });
    else entry.value += by;
  }

  family(): MetricFamily {
    const samples = [...this.#values.values()].map(({ labels, value }) => ({ labels, value }));
    return { name: this.#name, help: this.#help, type: 'counter', samples };
  }
}

export class Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  /** How many fell into each bucket alone; the last one is what exceeds all bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
    this.#counts = Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const index = this.#bounds.findIndex((bound) => value <= bound);
    const at = index < 0 ? this.#bounds.length : index;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum += value;
  }

  family(): MetricFamily {
    let total = 0;
    const samples: Sample[] = [...this.#bounds, Number.POSITIVE_INFINITY].map((bound, at) => {
      total += this.#counts[at] as number;
      return {
        suffix: '_bucket',
        labels: { le: bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound) },
        value: total,
      };
    });
    samples.push({ suffix: '_sum', value: this.#sum }, { suffix: '_count', value: total });
    return { name: this.#name, help: this.#help, type: 'histogram', samples };
  }
}
