/** Lets requests begin as soon as nothing before them stands in their way. */
import { type Access, conflicts } from './access.ts';

type Touched = Access | readonly Access[];

interface Job {
  readonly access: Touched;
  readonly start: () => void;
  /** Requests before this one that have not ended and must. */
  blockers: number;
  readonly blocked: Job[];
}

/** The requests that have come and not ended. What ends at once never becomes one of them. */
export class Schedule {
  readonly #jobs = new Set<Job>();

  get size(): number {
    return this.#jobs.size;
  }

  /** Whether a request may begin now. */
  isFree(access: Touched): boolean {
    for (const job of this.#jobs) if (conflicts(job.access, access)) return false;
    return true;
  }

  /**
   * Adds a request. `start` is called at once or when the last request in its way has ended; call what it is given when
   * this one has.
   */
  add(access: Touched, start: (end: () => void) => void): void {
    const job: Job = { access, start: () => start(() => this.#end(job)), blockers: 0, blocked: [] };
    for (const earlier of this.#jobs) {
      if (!conflicts(earlier.access, access)) continue;
      earlier.blocked.push(job);
      job.blockers++;
    }
    this.#jobs.add(job);
    if (job.blockers === 0) job.start();
  }

  #end(job: Job): void {
    this.#jobs.delete(job);
    for (const later of job.blocked.splice(0)) if (--later.blockers === 0) later.start();
  }
}
