/** Gives memory back that many logins have left behind, once it is quiet: V8 keeps what it has had until it runs short. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isForcedOff } from '../../os/fast-paths.ts';
import { tryPlatform } from '../../os/index.ts';

/** Fewer leave too little behind for a pause of some ten milliseconds. */
const leastLogins = 50;
/** Nobody has come for so long. */
const quietMs = 1000;

/** One process's. */
export class Tidying {
  readonly #tidy: () => void;
  #logins = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(tidy: () => void = giveMemoryBack) {
    this.#tidy = tidy;
  }

  /** Somebody has come. */
  count(): void {
    if (++this.#logins < leastLogins) return;
    if (this.#timer !== undefined) {
      this.#timer.refresh();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#logins = 0;
      this.#tidy();
    }, quietMs);
    this.#timer.unref();
  }
}

type Collect = (how?: { type: 'major'; flavor: 'last-resort' }) => void;
/** It gives back far more than a plain collection; Node 20 does nothing at all when it is asked for by this name. */
const knowsLastResort = Number.parseInt(process.versions.node, 10) >= 24;

let collect: Collect | undefined;

/** Collects all there is, which also makes the space for new objects small again, and has the C library do the same. */
function giveMemoryBack(): void {
  if (isForcedOff('NACRE_TIDY')) return;
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as Collect;
    setFlagsFromString('--no-expose-gc');
  }
  if (knowsLastResort) collect({ type: 'major', flavor: 'last-resort' });
  else collect();
  tryPlatform()?.trimMemory();
}
