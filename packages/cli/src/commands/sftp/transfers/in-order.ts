/** Does several things at the same time, and tells of them one after the other. */
import { Places } from '@nacre/ssh/sftp';
import type { Session } from '../session.ts';
import { HeldVoice, type Voice } from '../voice.ts';
import { besideMeter, startMeter } from './meter.ts';

/** Small files under way at once. */
const mostAtOnce = 32;

export interface Job {
  /** Small: a round trip costs more than the bytes do. */
  readonly isSmall: boolean;
  /** Where it leads: two that lead to one place go one after the other. */
  readonly target: string;
  work(voice: Voice): Promise<boolean>;
}

/**
 * @param how - `shown`: transfers, of which the terminal shows how far they are.
 * @returns whether all went well.
 */
export async function doInOrder(
  session: Session,
  jobs: readonly Job[],
  how: 'shown' | 'held' = 'shown',
): Promise<boolean> {
  const targets = new Set(jobs.map(({ target }) => target));
  // A limit of the rate is that of one transfer.
  const isPlain = how === 'shown' && session.settings.bytesPerSecond !== undefined;
  if (isPlain || jobs.length < 2 || targets.size < jobs.length) return oneByOne(session, jobs);
  if (how === 'held' || !session.showsProgress) return manyAtOnce(session, jobs, heldVoices(session.voice));
  // Who watches sees each file begin and end, and not in the order of their names.
  const meter = await startMeter(false);
  session.meter = meter;
  const voice = besideMeter(session.voice, meter);
  try {
    return await manyAtOnce(session, jobs, { take: () => voice, done: async () => {} });
  } finally {
    session.meter = undefined;
    meter.end();
  }
}

interface Voices {
  /** For a job that begins, and ends with this. */
  take(ends: Promise<boolean>): Voice;
  /** Waits until all is told. */
  done(): Promise<void>;
}

/** Each is heard when those before it are done. */
function heldVoices(voice: Voice): Voices {
  let told: Promise<unknown> = Promise.resolve();
  return {
    take(ends) {
      const held = new HeldVoice();
      told = Promise.allSettled([told, ends]).then(() => held.release(voice));
      return held;
    },
    async done() {
      await told;
    },
  };
}

async function manyAtOnce(session: Session, jobs: readonly Job[], voices: Voices): Promise<boolean> {
  const places = new Places(mostAtOnce);
  const running: Promise<boolean>[] = [];
  for (const job of jobs) {
    if (session.signal.aborted) break;
    if (!job.isSmall) await Promise.all(running);
    await places.take();
    let settle: (result: Promise<boolean>) => void = () => {};
    const voice = voices.take(
      new Promise((resolve) => {
        settle = resolve;
      }),
    );
    const result = job.work(voice).finally(() => places.give());
    settle(result);
    running.push(result);
    if (!job.isSmall) await result;
  }
  const results = await Promise.allSettled(running);
  await voices.done();
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return results.every((result) => result.status === 'fulfilled' && result.value) && !session.signal.aborted;
}

async function oneByOne(session: Session, jobs: readonly Job[]): Promise<boolean> {
  let isGood = true;
  for (const job of jobs) {
    if (session.signal.aborted) return false;
    if (!(await job.work(session.voice))) isGood = false;
  }
  return isGood;
}
