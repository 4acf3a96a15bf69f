/** The bucket: bursts, debts, several takers, a clock that the test turns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { RateLimit } from './rate-limit.ts';

class TestClock {
  ms = 0;
  #timers: { at: number; callback: () => void }[] = [];
  now = () => this.ms;
  setTimer = (ms: number, callback: () => void) => {
    const timer = { at: this.ms + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Jumps to the next timer; its time. */
  async next(): Promise<number> {
    const [timer] = this.#timers.sort((a, b) => a.at - b.at);
    assert.ok(timer, 'nobody waits');
    this.ms = timer.at;
    timer.callback();
    await new Promise(setImmediate);
    return this.ms;
  }

  get waiting(): number {
    return this.#timers.length;
  }
}

test('a burst passes at once, what is behind it waits for its time', async () => {
  const clock = new TestClock();
  const limit = new RateLimit(100_000, clock);
  assert.equal(limit.pieceBytes, 10_000);
  assert.equal(limit.take(10_000), undefined);
  const waits = limit.take(10_000);
  assert.ok(waits);
  assert.equal(await clock.next(), 100);
  await waits;
  clock.ms += 60_000;
  assert.equal(limit.take(10_000), undefined, 'time saves up one burst');
  assert.ok(limit.take(1));
});

test('over a long transfer the rate is the rate, for all who share it', async () => {
  const clock = new TestClock();
  const limit = new RateLimit(50_000, clock);
  let passed = 0;
  const worker = async () => {
    for (let i = 0; i < 50; i++) {
      await limit.take(5000);
      passed += 5000;
    }
  };
  const all = Promise.all([worker(), worker()]);
  await new Promise(setImmediate);
  while (clock.waiting > 0) await clock.next();
  await all;
  assert.equal(passed, 500_000);
  assert.ok(Math.abs(clock.ms - (500_000 / 50_000) * 1000) < 150, `${clock.ms} ms`);
});

test('a signal lets go of the wait, and a rate has to be one', async () => {
  const clock = new TestClock();
  const limit = new RateLimit(1, clock);
  const controller = new AbortController();
  const waits = limit.take(1_000_000, controller.signal);
  controller.abort();
  await waits;
  await limit.take(1, controller.signal);
  assert.equal(clock.waiting, 0);
  for (const rate of [0, -1, Number.NaN]) assert.throws(() => new RateLimit(rate, clock), SshError);
  assert.equal(new RateLimit(1e12, clock).pieceBytes, 256 * 1024);
});
