/** Timers of the real clock at their limits. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { systemClock } from './clock.ts';

test('a timer for what is overdue runs at once, and one for ages does not; Node warns of neither', async (t) => {
  const warnings: Error[] = [];
  const warn = (warning: Error) => void warnings.push(warning);
  process.on('warning', warn);
  t.after(() => process.off('warning', warn));
  const ran: string[] = [];
  const cancel = systemClock.setTimer(2 ** 40, () => ran.push('late'));
  // The clock's own timers do not keep the process.
  const alive = setInterval(() => {}, 1000);
  await new Promise<void>((resolve) => systemClock.setTimer(-5, resolve));
  await new Promise<void>((resolve) => systemClock.setTimer(0, resolve));
  process.emitWarning('the last of them');
  while (warnings.length === 0) await once(process, 'warning');
  cancel();
  clearInterval(alive);
  assert.deepEqual(ran, []);
  assert.deepEqual(
    warnings.map(({ message }) => message),
    ['the last of them'],
  );
});

test('it goes forward, in milliseconds', async () => {
  const start = systemClock.now();
  await new Promise((resolve) => setTimeout(resolve, 30));
  const tookMs = systemClock.now() - start;
  assert.ok(tookMs >= 25 && tookMs < 20_000, `${tookMs} ms`);
});
