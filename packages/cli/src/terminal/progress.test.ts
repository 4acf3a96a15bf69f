/** The progress meter: lines as scp 9.2 and 10.0 drew them in a terminal, and the driver with a clock turned by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgressMeter, type ProgressMeterOptions, standardOutputScreen } from './progress.ts';
import { formatProgressLine, formatRate, formatSize } from './progress-line.ts';
import { columnsOf, cutColumns, fitColumns } from './width.ts';

const begun = { bytesPerSecond: 0, time: { kind: 'unknown' } } as const;
const over = { kind: 'done', seconds: 0.01 } as const;
const size = 3_000_000;

test('lines are those of scp, at any width', () => {
  const first = { name: 'a file', bytes: 0, totalBytes: size, ...begun };
  const last = { name: 'a file', bytes: size, totalBytes: size, bytesPerSecond: 344_981_504, time: over };
  assert.deepEqual(
    [80, 42, 36, 30, 10, 0].map((columns) => formatProgressLine(first, columns)),
    [
      'a file                                          0%    0     0.0KB/s   --:-- ETA',
      'a file    0%    0     0.0KB/s   --:-- ETA',
      'a   0%    0     0.0KB/s   --:-- ETA',
      '   0%    0     0.0KB/s   --:-',
      '   0%    ',
      '',
    ],
  );
  assert.deepEqual(
    [80, 60, 40, 30, 10].map((columns) => formatProgressLine(last, columns)),
    [
      'a file                                        100% 2930KB 329.0MB/s   00:00    ',
      'a file                    100% 2930KB 329.0MB/s   00:00    ',
      'a fil 100% 2930KB 329.0MB/s   00:00    ',
      ' 100% 2930KB 329.0MB/s   00:0',
      ' 100% 293',
    ],
  );
  const middle = {
    name: 'ünïcödé文字.bin',
    bytes: 1_507_328,
    totalBytes: size,
    bytesPerSecond: 1_500_000,
    time: { kind: 'left', seconds: 0.9 },
  } as const;
  assert.equal(
    formatProgressLine(middle, 80),
    'ünïcödé文字.bin                                50% 1472KB   1.4MB/s   00:00 ETA',
  );
  assert.equal(formatProgressLine(middle, 42), 'ünïcödé  50% 1472KB   1.4MB/s   00:00 ETA');
  const odd = {
    name: Buffer.from('od\x1bd\n\xffame', 'latin1'),
    bytes: 1,
    totalBytes: 1,
    bytesPerSecond: 3891,
    time: over,
  };
  assert.equal(
    formatProgressLine(odd, 80),
    'od\\033d\\012\\377ame                            100%    1     3.8KB/s   00:00    ',
  );
});

test('sizes, rates and times at their bounds', () => {
  const sizes = [0, 9999, 10_000, 2 ** 20, 10_239_487, 10_239_488, 2 ** 40, 2 ** 53 - 1];
  assert.deepEqual(sizes.map(formatSize), [
    '   0  ',
    '9999  ',
    '  10KB',
    '1024KB',
    '9999KB',
    '  10MB',
    '1024GB',
    '8192TB',
  ]);
  const rates = [0, 3, 999, 1000, 1_023_999, 1_048_576, 2 ** 31 - 1, 2 ** 50];
  assert.deepEqual(rates.map(formatRate), [
    ...['  0.0KB', '  0.0KB', '  1.0KB', '  1.0KB', '  1.0MB', '  1.0MB', '  2.0GB', '1024.0TB'],
  ]);
  const at = (seconds: number, kind: 'left' | 'done') =>
    formatProgressLine({ name: '', bytes: 1, totalBytes: 2, bytesPerSecond: 1, time: { kind, seconds } }, 80).slice(
      -11,
    );
  assert.deepEqual(
    [at(59.9, 'left'), at(3599, 'done'), at(3600, 'left')],
    ['  00:59 ETA', '  59:59    ', '1:00:00 ETA'],
  );
  const stalled = {
    name: 'x',
    bytes: 999_999,
    totalBytes: 1_000_000,
    bytesPerSecond: 0,
    time: { kind: 'stalled' },
  } as const;
  assert.match(formatProgressLine(stalled, 80), / {2}99% {2}977KB {3}0\.0KB\/s - stalled -$/);
});

test('columns of text: wide, combining, cut between characters', () => {
  assert.deepEqual(
    ['abc', 'é', 'e\u0301', '文字', '한글', '😀', '\u200b', ''].map(columnsOf),
    [3, 1, 1, 4, 4, 2, 0, 0],
  );
  assert.equal(cutColumns('文字', 3), '文');
  assert.equal(fitColumns('文字', 3), '文 ');
  assert.equal(cutColumns('e\u0301x', 1), 'e\u0301');
});

/** A screen that keeps what is drawn, and a clock. */
function makeMeter(options: Partial<ProgressMeterOptions> = {}) {
  const state = { written: '', ms: 0, columns: 80, isVisible: true, timers: new Set<() => void>() };
  const meter = new ProgressMeter({
    screen: {
      write: (text) => {
        state.written += text;
      },
      columns: () => state.columns,
      isVisible: () => state.isVisible,
    },
    clock: {
      now: () => state.ms,
      every: (ms, callback) => {
        assert.equal(ms, 1000);
        state.timers.add(callback);
        return () => void state.timers.delete(callback);
      },
    },
    ...options,
  });
  const second = (bytes?: number) => {
    state.ms += 1000;
    if (bytes !== undefined) meter.update(bytes);
    for (const timer of state.timers) timer();
  };
  /** What was drawn since the last call, in lines as the terminal would keep them apart. */
  const drawn = () => {
    const { written } = state;
    state.written = '';
    return written;
  };
  return { meter, state, second, drawn };
}

test('once a second, with a rate that is smoothed, and the whole transfer’s at its end', () => {
  const { meter, state, second, drawn } = makeMeter();
  meter.start('file', 10_000_000);
  assert.match(drawn(), /^\rfile {39,} {2}0% {4}0 {5}0\.0KB\/s {3}--:-- ETA$/);
  second(1_000_000);
  assert.match(drawn(), / 10% {2}977KB 976\.6KB\/s {3}00:09 ETA$/);
  second(3_000_000);
  assert.match(drawn(), / 30% 2930KB {3}1\.1MB\/s {3}00:06 ETA$/);
  meter.update(9_000_000);
  assert.equal(drawn(), '', 'not before the second is over');
  state.ms += 3000;
  meter.update(10_000_000);
  meter.finish();
  assert.match(drawn(), /^\rfile {38,}100% 9766KB {3}1\.9MB\/s {3}00:05 {4}\n$/);
  assert.equal(state.timers.size, 0);
});

test('stalled after five seconds, and on when bytes come', () => {
  const { meter, second, drawn } = makeMeter();
  meter.start('file', 1_000_000);
  second(100_000);
  drawn();
  for (let i = 0; i < 4; i++) second();
  assert.doesNotMatch(drawn(), /stalled/);
  second();
  assert.match(drawn(), /- stalled -$/);
  second(200_000);
  assert.match(drawn(), /\d\d:\d\d ETA$/);
});

test('an empty file is drawn once, one that is given up keeps its line', () => {
  const { meter, drawn } = makeMeter();
  meter.start('zero', 0);
  assert.match(drawn(), /^\rzero {38,}100% {4}0 {5}0\.0KB\/s {3}00:00 {4}$/);
  meter.finish();
  assert.equal(drawn(), '\n');
  meter.start('half', 100);
  meter.update(50);
  meter.finish();
  assert.match(drawn(), / {2}0% .*\rhalf .* 50% .*\n$/s);
});

test('in the background and on no terminal there is silence; the width follows the window', () => {
  const { meter, state, second, drawn } = makeMeter();
  state.isVisible = false;
  meter.start('file', 100);
  second(50);
  assert.equal(drawn(), '');
  state.isVisible = true;
  state.columns = 50;
  second(60);
  assert.equal(drawn().length, 50);
  state.columns = 100_000;
  second(70);
  assert.equal(drawn().length, 512);
  state.columns = 0;
  second(80);
  assert.equal(drawn().length, 80);
  state.isVisible = false;
  meter.finish();
  assert.equal(drawn(), '');
  if (!process.stdout.isTTY) assert.equal(standardOutputScreen().isVisible(), false);
});

test('a transfer’s events start and finish the files; resumed bytes are not part of the rate', () => {
  const { meter, state, drawn } = makeMeter();
  const tell = (path: string, bytes: number, totalBytes: number, filesDone: number, filesTotal: number) =>
    meter.follow({ path, bytes, totalBytes, filesDone, filesTotal });
  tell('d/one', 0, 1000, 0, 1);
  tell('d/one', 600, 1000, 0, 1);
  state.ms += 1000;
  tell('d/one', 1000, 1000, 1, 1);
  tell('d/two', 0, 0, 1, 2);
  tell('d/two', 0, 0, 2, 2);
  tell('d/three', 900_000, 1_000_000, 2, 3);
  state.ms += 1000;
  tell('d/three', 1_000_000, 1_000_000, 3, 3);
  meter.end();
  const lines = drawn().split('\n');
  assert.equal(lines.length, 4);
  assert.match(lines[0] as string, /^\rone .*\rone {39,}100% 1000 {5}1\.0KB\/s {3}00:01 {4}$/);
  assert.match(lines[1] as string, /^\rtwo {39,}100%[^\r]*$/);
  assert.match(lines[2] as string, /\rthree {37,}100% {2}977KB {2}97\.7KB\/s {3}00:01 {4}$/);
  assert.equal(lines[3], '');
});

test('the total stands below the file’s line and is completed at the end', () => {
  const { meter, state, second, drawn } = makeMeter({ total: true });
  const tell = (path: string, bytes: number, totalBytes: number, filesDone: number, filesTotal: number) =>
    meter.follow({ path, bytes, totalBytes, filesDone, filesTotal });
  tell('a', 0, 1000, 0, 2);
  assert.match(drawn(), /^\ra .*\n\rTotal: 0 of 2 files .*\x1b\[A$/s);
  state.ms += 1000;
  tell('a', 1000, 1000, 1, 2);
  assert.match(drawn(), /^\ra .*100%.*\n$/s);
  tell('b', 0, 3000, 1, 2);
  second(1500);
  assert.match(drawn(), /\rb .* 50% .*\n\rTotal: 1 of 2 files {20,} 62% 2500 .*\x1b\[A$/s);
  tell('b', 3000, 3000, 2, 2);
  drawn();
  meter.end();
  assert.match(drawn(), /^\rTotal: 2 of 2 files {20,}100% 4000 {5}2\.0KB\/s {3}00:02 {4}\n$/);
});
