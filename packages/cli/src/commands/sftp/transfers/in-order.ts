/** Does several things at the same time, and tells of them one after the other. */
import { Places } from '@nacre/ssh/sftp';
import type { Session } from '../session.ts';
import { HeldVoice, type Voice } from '../voice.ts';

/** Small files under way at once. */
const mostAtOnce = 32;

export interface Job {
  /** Small: a round trip costs more than the bytes do. */
  readonly isSmall: boolean;
  /** Where it leads: two that lead to one place go one after the other. */
  readonly target: string;
  work(voice: Voice): Promise<boolean>;
}

/** @returns whether all went well. */
export async function doInOrder(session: Session, jobs: readonly Job[]): Promise<boolean> {
  const targets = new Set(jobs.map(({ target }) => target));
  // A line that moves is that of one transfer, and so is a limit of the rate.
  const isPlain = session.showsProgress || session.settings.bytesPerSecond !== undefined;
  if (isPlain || jobs.length === 1 || targets.size < jobs.length) return oneByOne(session, jobs);
  const places = new Places(mostAtOnce);
  const running: Promise<boolean>[] = [];
  let told: Promise<void> = Promise.resolve();
  for (const job of jobs) {
    if (session.signal.aborted) break;
    if (!job.isSmall) await Promise.all(running);
    await places.take();
    const voice = new HeldVoice();
    const result = job.work(voice).finally(() => places.give());
    running.push(result);
    const before = told;
    told = Promise.allSettled([before, result]).then(() => voice.release(session.voice));
    if (!job.isSmall) await result;
  }
  const results = await Promise.all(running);
  await told;
  return results.every((isGood) => isGood) && !session.signal.aborted;
}

async function oneByOne(session: Session, jobs: readonly Job[]): Promise<boolean> {
  let isGood = true;
  for (const job of jobs) {
    if (session.signal.aborted) return false;
    if (!(await job.work(session.voice))) isGood = false;
  }
  return isGood;
}
