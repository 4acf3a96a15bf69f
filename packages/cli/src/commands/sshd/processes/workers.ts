/** The workers as the monitor sees them: as many as there are cores, each with the connections that have not logged in yet. */
import { SshError } from '@nacre/ssh/errors';
import type { Log } from '../log.ts';
import { Calls } from './calls.ts';
import { type Child, startWorker } from './children.ts';
import { type Conveyed, Served } from './conveyed.ts';
import type { MonitorTable, WorkerSettings, WorkerTable } from './tables.ts';

export class Worker {
  readonly child: Child;
  readonly calls: Calls<WorkerTable, MonitorTable>;
  readonly served = new Served();

  constructor(child: Child) {
    this.child = child;
    this.calls = new Calls(child.process, this.served.answers);
  }

  take(connection: Conveyed): void {
    this.served.add(connection, this.calls);
  }
}

/** How long a worker that ended by itself is waited for before another takes its place; doubled each time, as long as they end at once. */
const firstPauseMs = 50;
const longestPauseMs = 5000;
/** A worker that lived so long was none that cannot live. */
const soundMs = 10_000;

export class Workers {
  readonly #log: Log;
  readonly #workers = new Set<Worker>();
  #settings: WorkerSettings;
  #pauseMs = firstPauseMs;
  #isClosed = false;

  private constructor(settings: WorkerSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /**
   * Starts them, and waits until the first has given up its rights: what one could do the others can.
   *
   * @throws SshError `misuse` where they cannot: no client may be spoken with then.
   */
  static async start(settings: WorkerSettings, log: Log, count: number): Promise<Workers> {
    const workers = new Workers(settings, log);
    try {
      await workers.#add();
    } catch (cause) {
      workers.close();
      const how = (cause as Error).message;
      throw new SshError(`no network worker could be started: ${how}`, { code: 'misuse', stage: 'config', cause });
    }
    for (let more = 1; more < count; more++) workers.#tryAdd();
    return workers;
  }

  /** For connections that come later. */
  configure(settings: WorkerSettings): void {
    this.#settings = settings;
    for (const { calls } of this.#workers) calls.call('configure', settings).catch(() => {});
  }

  /** The one that has the least to do; undefined while there is none. */
  choose(): Worker | undefined {
    return [...this.#workers].reduce<Worker | undefined>(
      (best, worker) => (best === undefined || worker.served.size < best.served.size ? worker : best),
      undefined,
    );
  }

  close(): void {
    this.#isClosed = true;
    for (const { child } of this.#workers) if (child.process.connected) child.process.disconnect();
  }

  async #add(): Promise<void> {
    const child = startWorker(this.#log);
    const worker = new Worker(child);
    const started = performance.now();
    const died = child.ended.then((how) => {
      throw new SshError(how, { code: 'misuse', stage: 'transport' });
    });
    died.catch(() => {});
    const settings = this.#settings;
    await Promise.race([worker.calls.call('configure', settings), died]);
    if (this.#isClosed) return void child.process.disconnect();
    if (settings !== this.#settings) worker.calls.tell('configure', this.#settings);
    this.#workers.add(worker);
    void child.ended.then((how) => this.#replace(worker, how, performance.now() - started));
  }

  #replace(worker: Worker, how: string, livedMs: number): void {
    this.#workers.delete(worker);
    const { size } = worker.served;
    // Of several clients nobody can say which one it was, and none is penalised.
    const code = size === 1 ? 'misuse' : 'closed';
    worker.served.endAll(new SshError(`its network worker ended with ${how}`, { code, stage: 'transport' }));
    if (this.#isClosed) return;
    this.#log('ERROR', `network worker ${worker.child.process.pid} ended with ${how}, and ${size} connections with it`);
    this.#pauseMs = livedMs > soundMs ? firstPauseMs : Math.min(this.#pauseMs * 2, longestPauseMs);
    this.#retry();
  }

  #retry(): void {
    setTimeout(() => {
      if (this.#isClosed) return;
      this.#tryAdd();
    }, this.#pauseMs).unref();
  }

  #tryAdd(): void {
    this.#add().catch((error: Error) => {
      if (this.#isClosed) return;
      this.#log('ERROR', `no network worker could be started: ${error.message}`);
      this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
      this.#retry();
    });
  }
}
