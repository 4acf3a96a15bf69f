/** The table of targets: what it makes of samples, and that the plan runs all that it asks for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startClock, startTable } from './clock.ts';
import { plan, shareOf, unplanned, wholeMinutes } from './plan.ts';
import { measureInTurns, type Table } from './table.ts';
import { type Target, targets } from './targets.ts';
import { formatVerdicts, judge } from './verdicts.ts';

const table: Table = {
  title: 'cold, n = 3',
  measures: [{ key: 'wall', title: 'ms', digits: 0, ratio: true }],
  rows: [
    { name: 'openssh > openssh', samples: [{ wall: 100 }, { wall: 200 }, { wall: 400 }] },
    { name: 'openssh > openssh (again)', samples: [{ wall: 110 }, { wall: 200 }, { wall: 400 }] },
    { name: 'nacre > nacre', samples: [{ wall: 50 }, { wall: 120 }, { wall: 160 }] },
    { name: 'gone', samples: [], skipped: 'failed: it is not here' },
  ],
};
const path: Table = { title: 'plain TCP', measures: [], rows: [{ name: 'plain TCP', samples: [{ speed: 200 }] }] };
const place = { what: 'one', workload: 'w', table: 'cold', row: 'nacre > nacre', column: 'wall' };
const judged = (target: Partial<Target>) => judge({ ...place, as: 'ratio', ...target }, [table, path]);

test('a figure is made of the samples as the target says, repetition by repetition', () => {
  const ratio = judged({ atMost: 0.6 });
  assert.deepEqual([ratio.reached, ratio.count, ratio.isMet], [{ median: 0.5, min: 0.4, max: 0.6 }, 3, true]);
  assert.equal(ratio.chance?.max, 1.1);
  assert.equal(judged({ atMost: 0.49 }).isMet, false);
  assert.deepEqual(judged({ as: 'inverse', atLeast: 2 }).reached?.median, 2);
  assert.equal(judged({ as: 'difference', atMost: -79 }).isMet, true);
  assert.equal(judged({ as: 'difference' }).reached?.median, -80);
  assert.equal(judged({ as: 'value', atMost: 120 }).reached?.median, 120);
  const against = { table: 'plain TCP', row: 'plain TCP', column: 'speed' };
  assert.equal(judged({ against, atLeast: 0.7 }).reached?.median, 0.6);
  assert.equal(judged({ against, atLeast: 0.7 }).isMet, false);
  assert.equal(judged({}).isMet, undefined);
});

test('what was not measured says why, and counts neither as met nor as missed', () => {
  const verdicts = [
    judge({ ...place, as: 'ratio', atLeast: 1 }, undefined),
    judged({ table: 'warm', atLeast: 1 }),
    judged({ row: 'nobody', atLeast: 1 }),
    judged({ row: 'gone', atLeast: 1 }),
    judged({ column: 'nothing', atLeast: 1 }),
    judged({ row: 'openssh > openssh', atLeast: 1 }),
    judged({ atLeast: 0.5 }),
    judged({ atLeast: 0.6 }),
    judged({}),
  ];
  assert.deepEqual(
    verdicts.slice(0, 6).map(({ missing }) => missing),
    [
      'not measured',
      'no table "warm"',
      'no row "nobody"',
      'failed: it is not here',
      'no figure "nothing"',
      'its base was not measured',
    ],
  );
  const lines = formatVerdicts(verdicts).split('\n');
  assert.equal(lines[0], '1 of 8 targets are met, 1 are missed, 6 were not measured.');
  assert.equal(lines[10], '| one | nacre > nacre | >= 0.5 | 0.50 (0.40..0.60) | 3 | 1.00 (1.00..1.10) | met |');
  assert.match(lines[11] ?? '', /\| \*\*missed\*\* \|$/);
});

test('a figure that is no number is neither met nor missed', () => {
  const rows = [{ name: 'held', samples: [{ exponent: 0.9 }, { exponent: Number.NaN }] }];
  const verdict = judge({ ...place, table: 'growth', row: 'held', column: 'exponent', as: 'value', atMost: 1.05 }, [
    { title: 'growth, n = 2', measures: [], rows },
  ]);
  assert.deepEqual([verdict.missing, verdict.isMet], ['a "exponent" that is no number', undefined]);
});

test('the plan runs every workload that a target names, in less than an hour', () => {
  assert.deepEqual(unplanned(), []);
  const minutes = plan.reduce((sum, entry) => sum + entry.minutes, 0);
  assert.ok(minutes <= wholeMinutes && wholeMinutes < 60, `${minutes} of ${wholeMinutes}`);
  const bounds = targets.filter(({ atLeast, atMost }) => atLeast !== undefined && atMost !== undefined);
  assert.deepEqual(bounds, []);
});

test('what an entry did not use goes to those that come', () => {
  const entries = [2, 1, 1].map((minutes) => ({ workload: 'w', repetitions: 1, minutes }));
  assert.equal(shareOf(entries, 0, 4000), 2000);
  assert.equal(shareOf(entries, 1, 3000), 1500);
  assert.equal(shareOf(entries, 2, 100), 100);
  assert.equal(shareOf(entries, 2, -5), 0);
});

test('a table repeats while its part of the time lasts, and three times at least', () => {
  let now = 0;
  startClock(20_000, 2);
  const began = performance.now();
  const first = startTable(() => began + now);
  const ask = (done: number, at: number) => {
    now = at;
    return first.mayRepeat(done);
  };
  // Rows that take long are measured in the first one only.
  assert.ok(
    [0, 6000, 7000, 8000].every((at, done) => ask(done, at)),
    'a fourth would end at 9 of 10 s',
  );
  assert.ok(!ask(4, 9500), 'a fifth would end at 11 of 10 s');
  assert.ok(ask(2, 100_000));
  startClock();
  assert.ok(startTable().mayRepeat(1000));
});

test('a row may be measured less often than the others, and the table tells', async () => {
  let calls = 0;
  const sample = () => Promise.resolve({ speed: ++calls });
  const rows = [
    { name: 'a', sample },
    { name: 'b', sample, most: 1 },
  ];
  const measured = await measureInTurns('t', [{ key: 'speed', title: 's', digits: 0 }], rows, 3, () => {});
  assert.deepEqual(
    measured.rows.map(({ samples }) => samples.length),
    [3, 1],
  );
});
