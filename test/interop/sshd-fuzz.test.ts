/** Some seconds of half-right clients against bin/sshd, always the same: `npm run fuzz:live` goes on for longer and elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzLiveServer, growthOf } from '../../fuzz/live/run.ts';
import { hasProcessTree, missing } from '../harness/index.ts';

test('clients that are half right: nobody else is kept out, nothing dies, nothing is left behind', {
  skip: missing('nacre:sshd') || (!hasProcessTree && 'needs /proc'),
}, async (t) => {
  const report = await fuzzLiveServer({ seed: 1, seconds: 8, roundSeconds: 1.5 });
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(report.failures, []);
  // It has to have come somewhere: logins that went well, and messages that did not.
  assert.ok(report.connections > 20 && report.logins > 5 && report.harmed > 20, JSON.stringify(report));
});

test('the trend of samples', () => {
  assert.equal(growthOf([7]), 0);
  assert.equal(growthOf([1, 2, 3, 4]), 3);
  assert.ok(Math.abs(growthOf([5, 1, 5, 1, 5])) < 1e-9);
});
