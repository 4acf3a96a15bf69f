/** The meter of transfers: one line that moves, finished lines above it, failures, the total, silence where nobody looks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransferEvent, TransferFile } from '@nacre/ssh/transfer';
import { TransferMeter } from './transfer-meter.ts';

/** A meter on a screen that keeps what is drawn, with a clock turned by hand, and a transfer that tells. */
function makeMeter(total = false) {
  const state = { written: '', ms: 0, isVisible: true, timers: new Set<() => void>(), files: 0, bytes: 0, all: 0 };
  const meter = new TransferMeter({
    total,
    screen: {
      write: (text) => {
        state.written += text;
      },
      columns: () => 80,
      isVisible: () => state.isVisible,
    },
    clock: {
      now: () => state.ms,
      every(_ms, callback) {
        state.timers.add(callback);
        return () => void state.timers.delete(callback);
      },
    },
  });
  let totalFiles = 0;
  const totals = () => ({
    bytes: state.bytes,
    files: state.files,
    totalBytes: state.all,
    totalFiles,
    isListed: true,
    bytesPerSecond: 0,
    secondsLeft: undefined,
  });
  return {
    meter,
    state,
    start(source: string, size: number): TransferFile {
      totalFiles++;
      state.all += size;
      const file = { source: Buffer.from(source), target: Buffer.from(source), size, bytes: 0 };
      meter.follow({ type: 'start', file });
      return file;
    },
    move(file: TransferFile, bytes: number) {
      file.bytes += bytes;
      state.bytes += bytes;
      meter.follow({ type: 'progress', file, total: totals() });
    },
    done(file: TransferFile) {
      state.files++;
      meter.follow({ type: 'done', file, total: totals() });
    },
    fail(file: TransferFile) {
      const failure = { source: file.source, target: file.target, error: new Error('x'), partial: undefined };
      meter.follow({ type: 'failed', failure } as unknown as TransferEvent);
    },
    second() {
      state.ms += 1000;
      for (const timer of state.timers) timer();
    },
    drawn() {
      const { written } = state;
      state.written = '';
      return written;
    },
  };
}

test('a file alone is drawn as scp draws it', () => {
  const { meter, start, move, done, second, drawn, state } = makeMeter();
  const big = start('d/big', 3_000_000);
  assert.match(drawn(), /^\rbig {40,} {2}0% {4}0 {5}0\.0KB\/s {3}--:-- ETA$/);
  move(big, 1_500_000);
  assert.equal(drawn(), '', 'not before the second is over');
  second();
  assert.match(drawn(), /^\rbig .* 50% 1465KB .* ETA$/);
  state.ms += 1000;
  move(big, 1_500_000);
  done(big);
  assert.match(drawn(), /^\rbig .*100% 2930KB {3}1\.4MB\/s {3}00:02 {4}\n$/);
  meter.end();
  assert.equal(drawn(), '');
  assert.equal(state.timers.size, 0);
});

test('an empty file has one line', () => {
  const { start, done, drawn } = makeMeter();
  done(start('empty', 0));
  assert.match(drawn(), /^\rempty {38,}100% {4}0 {5}0\.0KB\/s {3}00:00 {4}\n$/);
});

test('of several files the oldest moves; the others leave their line above it when they are done', () => {
  const { start, move, done, drawn } = makeMeter();
  const [a, b] = [start('a', 1000), start('b', 2000)];
  assert.match(drawn(), /^\ra [^\n]*$/);
  move(b, 2000);
  done(b);
  assert.match(drawn(), /^\rb {20,}100% 2000 [^\n]*\n\ra {20,} {2}0% [^\n]*$/);
  move(a, 1000);
  done(a);
  assert.match(drawn(), /^\ra {20,}100% 1000 [^\n]*\n$/);
});

test('a file that fails keeps its line, and room is made for words', () => {
  const { meter, start, move, fail, drawn } = makeMeter();
  const [a, b] = [start('a', 1000), start('b', 2000)];
  move(a, 500);
  drawn();
  fail(a);
  assert.match(drawn(), /^\ra .*\n\rb {20,} {2}0% [^\n]*$/);
  meter.makeRoom();
  assert.equal(drawn(), '\n');
  meter.makeRoom();
  assert.equal(drawn(), '');
  fail(b);
  assert.equal(drawn(), '');
});

test('the total stands below, is wiped where words come, and is completed', () => {
  const { meter, start, move, done, second, drawn } = makeMeter(true);
  const a = start('a', 1000);
  assert.match(drawn(), /^\ra [^\n]*$/, 'nothing is known of the whole');
  move(a, 400);
  second();
  assert.match(drawn(), /^\ra .*\n\rTotal: 0 of 1 files {20,} 40% .*\x1b\[A$/s);
  meter.makeRoom();
  assert.equal(drawn(), '\n\x1b[2K\x1b[A\n');
  move(a, 600);
  done(a);
  drawn();
  meter.end();
  assert.match(drawn(), /^\rTotal: 1 of 1 files {20,}100% 1000 .*00:01 {4}\n$/);
});

test('where nobody looks nothing is drawn; control characters are written out', () => {
  const { meter, start, done, state, drawn } = makeMeter(true);
  state.isVisible = false;
  done(start('a', 10));
  meter.end();
  assert.equal(drawn(), '');
  state.isVisible = true;
  start('ba\x1bd', 10);
  assert.match(drawn(), /^\rba\\033d /);
});
