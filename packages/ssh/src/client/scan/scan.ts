/** scanHostKeys(): the host keys of many servers at once. */
import { isIP } from 'node:net';
import { SshError } from '../../errors.ts';
import type { PublicKey } from '../../keys/types.ts';
import { type HostKeyKind, kindOf, type WantedKind, wantedKinds } from './kinds.ts';
import { lookUpHost } from './look-up.ts';
import { type Probe, type ProbeOptions, probe } from './probe.ts';
import { ResultQueue } from './result-queue.ts';
import { Slots } from './slots.ts';

/** A server to scan. */
export interface ScanTarget {
  /** Names or addresses of the server: the first that answers counts. */
  readonly hosts: readonly string[];
  /** Default 22. */
  readonly port?: number | undefined;
}

export interface ScanOptions {
  /** Which kinds of keys are asked for. Default: all. */
  readonly kinds?: readonly HostKeyKind[] | undefined;
  /** Asks for host certificates instead of plain keys. */
  readonly certificates?: boolean | undefined;
  /** Only this address family. Default: both. */
  readonly family?: 4 | 6 | undefined;
  /** How long one connection may take to the server's identification, and again from there to its key. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** Connections at a time. Default 246, which leaves room below the usual 256 open files. */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Facts for logs. */
  readonly log?: ((text: string) => void) | undefined;
}

interface ScanFacts<Target extends ScanTarget> {
  readonly target: Target;
  /** Which of the target's names was used. */
  readonly host: string;
  readonly port: number;
  readonly address: string | undefined;
}

/** What a scan found out about one kind of key of one server, or why it found out nothing. */
export type ScanResult<Target extends ScanTarget = ScanTarget> =
  /** The server has this key, and has proved it. */
  | (ScanFacts<Target> & {
      readonly status: 'key';
      readonly kind: HostKeyKind;
      readonly key: PublicKey;
      readonly identification: string;
    })
  /** The server has no key of this kind. */
  | (ScanFacts<Target> & {
      readonly status: 'absent';
      readonly kind: HostKeyKind;
      readonly identification: string;
    })
  /** These kinds could not be asked for. `identification` is undefined where the server did not come so far. */
  | (ScanFacts<Target> & {
      readonly status: 'failed';
      readonly kinds: readonly HostKeyKind[];
      readonly identification: string | undefined;
      readonly error: SshError;
    });

const defaultTimeoutMs = 5000;
const defaultConcurrency = 246;

/**
 * Asks servers for their host keys, many at a time, and gives the results in the order in which they come. Nobody logs in,
 * and nobody is trusted: a key that comes out has been proved by its owner, but who that is nobody has said.
 *
 * A server is asked once for any of the kinds; its answer names the kinds that it has, and only for those it is asked again.
 * One that is silent, slow or babbling keeps one connection busy until its time is over, and delays nobody else.
 *
 * @param targets - read as connections become free, so it may be endless.
 * @throws SshError `aborted` where the signal says so, and whatever reading the targets throws. What goes wrong with a server
 *   is a result.
 * @example
 * for await (const found of scanHostKeys([{ hosts: ['example.com'] }])) {
 *   if (found.status === 'key') console.log(found.host, fingerprint(found.key));
 * }
 */
export async function* scanHostKeys<Target extends ScanTarget>(
  targets: Iterable<Target> | AsyncIterable<Target>,
  options: ScanOptions = {},
): AsyncGenerator<ScanResult<Target>, void, undefined> {
  const scan = new Scan<Target>(options);
  const onAbort = () => scan.abort(abortedBy(options.signal));
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    yield* scan.run(targets);
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    scan.abort(new SshError('nobody waits for the scan any more', { code: 'aborted', stage: 'tcp' }));
  }
}

class Scan<Target extends ScanTarget> {
  readonly #options: ScanOptions;
  readonly #wanted: readonly WantedKind[];
  readonly #slots: Slots;
  readonly #results = new ResultQueue<ScanResult<Target>>();
  readonly #abort = new AbortController();

  constructor(options: ScanOptions) {
    this.#options = options;
    this.#wanted = wantedKinds(options.kinds, options.certificates ?? false);
    this.#slots = new Slots(options.concurrency ?? defaultConcurrency);
    if (this.#wanted.length === 0) {
      throw new SshError('a scan must ask for at least one kind of key', { code: 'misuse', stage: 'usage' });
    }
  }

  async *run(targets: Iterable<Target> | AsyncIterable<Target>): AsyncGenerator<ScanResult<Target>, void, undefined> {
    void this.#scanAll(targets).then(
      () => this.#results.end(),
      (error: unknown) => this.#results.fail(error),
    );
    yield* this.#results;
  }

  abort(reason: SshError): void {
    this.#results.fail(reason);
    this.#abort.abort(reason);
  }

  async #scanAll(targets: Iterable<Target> | AsyncIterable<Target>): Promise<void> {
    const running = new Set<Promise<void>>();
    for await (const target of targets) {
      await this.#results.room();
      await this.#slots.take();
      if (this.#abort.signal.aborted) break;
      const scanning = this.#scanTarget(target).finally(() => running.delete(scanning));
      running.add(scanning);
    }
    await Promise.all(running);
  }

  /** Holds a slot when called, and gives it back. */
  async #scanTarget(target: Target): Promise<void> {
    for (const host of target.hosts) {
      if (await this.#scanHost(target, host)) return;
    }
    this.#slots.give();
  }

  /** Whether the host answered; the slot is given back then. */
  async #scanHost(target: Target, host: string): Promise<boolean> {
    const { port = 22 } = target;
    const kinds = this.#wanted.map(({ name }) => name);
    const looked = await lookUpHost(host, this.#options.family, this.#abort.signal);
    if (looked instanceof SshError) {
      this.#results.push({
        ...{ target, host, port, address: undefined, identification: undefined },
        ...{ status: 'failed', kinds, error: looked },
      });
      return false;
    }
    const ask = (algorithms: readonly string[], addresses = looked): Promise<Probe> =>
      this.#ask({ host, port, addresses, algorithms });
    const first = await ask(this.#wanted.flatMap(({ algorithms }) => algorithms));
    const { address, identification, offered } = first;
    const facts = { target, host, port, address };
    if (identification === undefined) {
      const error = first.error as SshError;
      this.#results.push({ ...facts, status: 'failed', kinds, identification, error });
      return false;
    }
    this.#slots.give();
    if (offered === undefined) {
      const error = first.error as SshError;
      this.#results.push({ ...facts, status: 'failed', kinds, identification, error });
      return true;
    }
    const shown = first.key === undefined ? undefined : kindOf(first.key.type);
    const there = this.#wanted.filter(({ algorithms }) => algorithms.some((name) => offered.includes(name)));
    for (const { name: kind } of this.#wanted) {
      if (!there.some(({ name }) => name === kind))
        this.#results.push({ ...facts, status: 'absent', kind, identification });
    }
    // Where the exchange failed it was over the first of the kinds that the server has.
    const asked = shown ?? there[0]?.name;
    if (asked !== undefined) this.#report(facts, asked, first);
    const others = there.filter(({ name }) => name !== asked);
    const same = address === undefined ? looked : [{ address, family: isIP(address) }];
    await Promise.all(
      others.map(async ({ name, algorithms }) => {
        // Hosts that have begun come before new ones.
        await this.#slots.take('first');
        const found = await ask(algorithms, same);
        this.#slots.give();
        this.#report(facts, name, found);
      }),
    );
    return true;
  }

  /** Holds a slot before and after. */
  async #ask(what: Pick<ProbeOptions, 'host' | 'port' | 'addresses' | 'algorithms'>): Promise<Probe> {
    const { timeoutMs = defaultTimeoutMs, log } = this.#options;
    for (;;) {
      const found = await probe({ ...what, timeoutMs, log, signal: this.#abort.signal });
      // Fewer files may be open than was thought: there are as many slots as there were files, and this host takes its turn.
      if (found.error === undefined || !isOutOfFiles(found.error) || !this.#slots.drop()) return found;
      await this.#slots.take('first');
    }
  }

  #report(facts: ScanFacts<Target>, kind: HostKeyKind, { key, identification, error }: Probe): void {
    if (key !== undefined && identification !== undefined) {
      this.#results.push({ ...facts, status: 'key', kind, key, identification });
    } else if (error !== undefined) {
      this.#results.push({ ...facts, status: 'failed', kinds: [kind], identification, error });
    }
  }
}

function isOutOfFiles({ cause }: SshError): boolean {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return code === 'EMFILE' || code === 'ENFILE';
}

function abortedBy(signal: AbortSignal | undefined): SshError {
  const reason: unknown = signal?.reason;
  if (reason instanceof SshError) return reason;
  return new SshError('the scan was aborted', { code: 'aborted', stage: 'tcp', cause: reason });
}
