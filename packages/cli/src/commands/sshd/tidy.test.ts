/** Tests of giving memory back: after many logins, once it is quiet, and not before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tidying } from './tidy.ts';

test('many logins are tidied up after once, when nobody has come for a second', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let count = 0;
  const tidying = new Tidying(() => count++);
  const logIn = (logins: number) => {
    for (let i = 0; i < logins; i++) tidying.count();
  };
  logIn(49);
  t.mock.timers.tick(5000);
  assert.equal(count, 0);
  logIn(20);
  t.mock.timers.tick(900);
  assert.equal(count, 0);
  t.mock.timers.tick(200);
  assert.equal(count, 1);
  t.mock.timers.tick(5000);
  logIn(49);
  t.mock.timers.tick(5000);
  assert.equal(count, 1);
});

test('collecting gives back what nobody holds', () => {
  let held: WeakRef<object> | undefined = new WeakRef({ text: 'x'.repeat(100) });
  const tidying = new Tidying();
  assert.ok(held.deref());
  return new Promise<void>((resolve, reject) => {
    for (let i = 0; i < 50; i++) tidying.count();
    setTimeout(() => {
      try {
        assert.equal(held?.deref(), undefined);
        held = undefined;
        resolve();
      } catch (error) {
        reject(error as Error);
      }
    }, 1500);
  });
});
