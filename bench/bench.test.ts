/** The arithmetic and the texts of the benchmarks. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { measure } from './command.ts';
import { countTree, hasProc, treeSeconds } from './cpu.ts';
import { replaceSection } from './results.ts';
import { exponentOf, orderOf, ratiosOf, spreadOf } from './statistics.ts';
import { formatTable, measureInTurns } from './table.ts';

test('median, range, ratios and order', () => {
  assert.equal(spreadOf([]), undefined);
  assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3 });
  assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 });
  assert.deepEqual(ratiosOf([2, undefined, 9], [1, 5, 3]), [2, 3]);
  assert.deepEqual(
    [0, 1, 2].map((i) => orderOf(['a', 'b', 'c'], i).join('')),
    ['abc', 'cba', 'abc'],
  );
});

test('an exponent is 1 in proportion, and there is none of what could not be read', () => {
  assert.equal(exponentOf(30, 30, 100), 1);
  assert.equal(exponentOf(1, 10, 10), 2);
  assert.ok(Math.abs(exponentOf(10, 1, 100) - 0.5) < 1e-9);
  for (const [from, to] of [
    [-746.5, 31.4],
    [0, 31.4],
    [30, -1],
    [Number.NaN, 30],
  ] as const)
    assert.throws(() => exponentOf(from, to, 100), /there is no exponent/);
});

test('rows are measured in turns; ratios are taken within a repetition; a failing row tells why', async () => {
  const calls: string[] = [];
  const competitor = (name: string, values: number[]) => ({
    name,
    sample: () => {
      calls.push(name);
      const speed = values.shift();
      return speed === undefined ? Promise.reject(new Error('no more')) : Promise.resolve({ speed });
    },
  });
  const rows = [competitor('a', [10, 20]), competitor('b', [20, 60]), competitor('c', [1])];
  const measures = [{ key: 'speed', title: 'MB/s', digits: 0, ratio: true }];
  const table = await measureInTurns('title', measures, rows, 2, () => {});
  assert.deepEqual(calls, ['a', 'b', 'c', 'c', 'b', 'a']);
  const [, , , , a, b, c] = formatTable(table).split('\n');
  assert.equal(a, '| a | 15 (10..20) | 1 |');
  assert.equal(b, '| b | 40 (20..60) | 2.50 (2.00..3.00) |');
  assert.equal(c, '| c | failed: no more |  |');
});

test('a section is replaced in its place, or added', () => {
  const text = '# Results\n\n## one\n\nold\n\n## two\n\nkept\n';
  const contents = 'Contents: [one](#one), [two](#two)\n\n';
  const changed = `# Results\n\n${contents}## one\n\nnew\n\n## two\n\nkept\n`;
  assert.equal(replaceSection(text, 'one', '## one\n\nnew\n'), changed);
  const twice = replaceSection(changed, 'two', '## two\n\nnew\n');
  assert.equal(twice, `# Results\n\n${contents}## one\n\nnew\n\n## two\n\nnew\n`);
  const three = replaceSection(changed, 'targets', '## targets\n\nall\n').split('\n\n');
  assert.equal(three[1], 'Contents: [targets](#targets), [one](#one), [two](#two)');
  assert.deepEqual(three.slice(2, 4), ['## targets', 'all']);
  assert.equal(replaceSection('# Results\n', 'one', '## one\n'), '# Results\n\nContents: [one](#one)\n\n## one\n');
});

test('a command is measured: output, sink, processor time, failure', {
  skip: !hasProc() && 'needs /proc',
}, async () => {
  const burn = 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done';
  const burnt = await measure(['sh', '-c', burn]);
  assert.equal(burnt.output, 'done');
  assert.ok(
    burnt.clientCpu > 0.02 && burnt.clientCpu <= burnt.seconds + 0.05,
    `${burnt.clientCpu} of ${burnt.seconds} s`,
  );
  assert.equal((await measure(['printf', '12345'], { sink: 'wc -c' })).output, '5');
  await assert.rejects(measure(['sh', '-c', 'echo why >&2; exit 3'], { sink: 'wc -c' }), /status 3: why/);
});

test('the time of a server includes its children, running and ended', {
  skip: !hasProc() && 'needs /proc',
}, async () => {
  const burn = 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done';
  const child = spawn('sh', ['-c', `sh -c '${burn}'; sleep 30 & echo ready; wait`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const pid = child.pid ?? -1;
  assert.ok(treeSeconds(pid) > 0.03, 'the child that ended counts');
  assert.equal(countTree(pid), 2, 'the shell and its sleep');
  const sleeper = childOf(pid);
  child.kill();
  process.kill(sleeper);
});

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}
