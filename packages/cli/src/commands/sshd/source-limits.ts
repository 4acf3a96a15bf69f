/** What addresses may do before they log in: how many connections at once, and none after bad manners (PerSource…). */
import { fullPenalties, type Penalties } from '@nacre/ssh/config/server';
import type { Peer } from '@nacre/ssh/server';
import { blockOf, matchHostAndAddress, type SourceBlock } from '@nacre/ssh/trust';
import type { Settings } from './config/config.ts';
import type { Log } from './log.ts';
import { type PenaltyEntry, type PenaltyLimits, type PenaltyOutcome, PenaltyTable } from './penalty-table.ts';

/** What a client can be penalised for, by OpenSSH's names. */
export type PenaltyKind = 'crash' | 'authfail' | 'invaliduser' | 'noauth' | 'grace-exceeded' | 'refuseconnection';

const reasons: Readonly<Record<PenaltyKind, string>> = {
  crash: 'penalty: caused crash',
  authfail: 'penalty: failed authentication',
  invaliduser: 'penalty: attempted authentication by invalid user',
  noauth: 'penalty: connections without attempting authentication',
  'grace-exceeded': 'penalty: exceeded LoginGraceTime',
  refuseconnection: 'penalty: connection prohibited by RefuseConnection',
};

/** What OpenSSH says of connections beyond MaxStartups and PerSourceMaxStartups. */
export const tooManyStartups = 'Maxstartups';

type Limits = Pick<
  Settings,
  'perSourceMaxStartups' | 'perSourceNetBlockSize' | 'perSourcePenalties' | 'perSourcePenaltyExemptList'
>;

/** Counts and remembers sources for the life of the server, through every change of its configuration. */
export class SourceLimits {
  #settings: Limits;
  #penalties: Penalties;
  readonly #tables: Readonly<Record<4 | 6, PenaltyTable>>;
  /** Connections that have not logged in, as many as MaxStartups lets in at most. */
  readonly #startups = new Map<string, number>();

  /** How often each kind of penalty was earned. */
  readonly earned = new Map<PenaltyKind, number>();

  /** @param now - seconds of a clock that never goes back. */
  constructor(settings: Limits, now: () => number = () => performance.now() / 1000) {
    this.#settings = settings;
    this.#penalties = fullPenalties(settings.perSourcePenalties);
    this.#tables = { 4: new PenaltyTable(now), 6: new PenaltyTable(now) };
  }

  /** Other limits from now on; what was counted stays. */
  configure(settings: Limits): void {
    this.#settings = settings;
    this.#penalties = fullPenalties(settings.perSourcePenalties);
  }

  /** Why a connection is not let in, in OpenSSH's words; undefined lets it in. */
  refusalFor({ address, isBalancer }: Peer): string | undefined {
    const source = isBalancer ? undefined : this.#sourceOf(address);
    if (source === undefined) return undefined;
    if (this.#penalties.enabled && !this.#isExempt(address)) {
      const reason = this.#tables[source.family].reasonFor(source.text, this.#limitsOf(source));
      if (reason !== undefined) return reason;
    }
    const most = this.#settings.perSourceMaxStartups;
    return most !== undefined && (this.#startups.get(source.text) ?? 0) >= most ? tooManyStartups : undefined;
  }

  /** Counts a connection until the function that it gives is called. */
  hold({ address, isBalancer }: Peer): () => void {
    const source = this.#sourceOf(address)?.text;
    // Everybody comes through it: whatever one of them does, it must stay open to the others.
    if (isBalancer) return () => {};
    if (source === undefined) return () => {};
    this.#startups.set(source, (this.#startups.get(source) ?? 0) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#startups.get(source) ?? 1) - 1;
      if (left > 0) this.#startups.set(source, left);
      else this.#startups.delete(source);
    };
  }

  /** A connection has earned its source a penalty. */
  penalise({ address, isBalancer }: Peer, kind: PenaltyKind, log: Log): void {
    const source = isBalancer ? undefined : this.#sourceOf(address);
    const seconds = this.#penalties[kind];
    if (!this.#penalties.enabled || source === undefined || seconds === 0) return;
    if (this.#isExempt(address)) {
      log('DEBUG3', `address ${address} is exempt`);
      return;
    }
    this.earned.set(kind, (this.earned.get(kind) ?? 0) + 1);
    const reason = reasons[kind];
    const outcome = this.#tables[source.family].punish(source.text, seconds, reason, this.#limitsOf(source));
    log(...describePenalty(outcome, source, seconds, reason));
  }

  /** The sources that have earned a penalty which is not over, longest first. */
  penalties(): PenaltyEntry[] {
    const all = [...this.#tables[4].entries(), ...this.#tables[6].entries()];
    return all.sort((one, other) => other.remainingSeconds - one.remainingSeconds);
  }

  /** How much is remembered, for those who watch the memory. */
  get size(): number {
    return this.#tables[4].size + this.#tables[6].size + this.#startups.size;
  }

  #sourceOf(address: string | undefined): SourceBlock | undefined {
    const { ipv4, ipv6 } = this.#settings.perSourceNetBlockSize;
    return address === undefined ? undefined : blockOf(address, ipv4, ipv6);
  }

  #isExempt(address: string | undefined): boolean {
    const list = this.#settings.perSourcePenaltyExemptList;
    return list !== undefined && matchHostAndAddress(list, undefined, address) === 'match';
  }

  #limitsOf({ family }: SourceBlock): PenaltyLimits {
    const { min, max, overflow, overflow6 } = this.#penalties;
    return family === 4
      ? { min, max, overflow, maxSources: this.#penalties['max-sources4'] }
      : { min, max, overflow: overflow6 ?? overflow, maxSources: this.#penalties['max-sources6'] };
  }
}

/** In the words of OpenSSH's function that does it. */
function describePenalty(
  { kind, isActive, remainingSeconds }: PenaltyOutcome,
  { family, text }: SourceBlock,
  seconds: number,
  reason: string,
): ['INFO' | 'VERBOSE' | 'DEBUG1', string] {
  const left = `${Math.ceil(remainingSeconds)} seconds`;
  const table = `ipv${family}`;
  switch (kind) {
    case 'new': {
      const how = `new ${text} ${isActive ? 'active' : 'deferred'} penalty of ${seconds} seconds`;
      return [isActive ? 'INFO' : 'VERBOSE', `srclimit_penalise: ${table}: ${how} for ${reason}`];
    }
    case 'activated':
      return ['INFO', `srclimit_penalise: ${text}: activating ${table} penalty of ${left} for ${reason}`];
    case 'kept':
      return ['DEBUG1', `srclimit_penalise: ${table} penalty for ${text} already exists, ${left} remaining`];
    case 'full':
      return ['VERBOSE', `${table} penalty table full, cannot penalise ${text} for ${reason}`];
  }
}
