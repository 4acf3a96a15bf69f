import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { Calls, type Port } from './calls.ts';

type Table = { double(n: number): number; note(text: string): void; fail(of: string): void };

/** Two ends, as Node lays them between two processes: what goes over is text. */
function ports(): [Port & EventEmitter, Port & EventEmitter] {
  const ends = [new EventEmitter(), new EventEmitter()] as [EventEmitter, EventEmitter];
  for (const [index, end] of ends.entries()) {
    const other = ends[1 - index] as EventEmitter;
    Object.assign(end, {
      connected: true,
      send: (message: unknown) => setImmediate(() => other.emit('message', JSON.parse(JSON.stringify(message)))),
    });
  }
  return ends as [Port & EventEmitter, Port & EventEmitter];
}

test('a call is answered, a note is heard, an error is the caller’s', async () => {
  const [a, b] = ports();
  const noted: string[] = [];
  new Calls<Table, Table>(b, {
    double: (n) => n * 2,
    note: (text) => void noted.push(text),
    fail: (of) => {
      throw new Error(`no ${of}`);
    },
  });
  const calls = new Calls<Table, Record<never, never>>(a, {});
  calls.tell('note', 'hello');
  assert.deepEqual(await Promise.all([calls.call('double', 4), calls.call('double', 5)]), [8, 10]);
  assert.deepEqual(noted, ['hello']);
  await assert.rejects(calls.call('fail', 'luck'), /no luck/);
});

test('a name that nobody answers to is an error, whatever objects have by birth', async () => {
  const [a, b] = ports();
  new Calls<Table, Record<never, never>>(b, {});
  const calls = new Calls<Record<string, (x: number) => unknown>, Record<never, never>>(a, {});
  for (const name of ['double', 'constructor', '__proto__', 'toString']) {
    await assert.rejects(calls.call(name, 1), /nobody answers/);
  }
});

test('every call settles when the other side is gone', async () => {
  const [a] = ports();
  const calls = new Calls<Table, Record<never, never>>(a, {});
  const pending = calls.call('double', 1);
  a.emit('disconnect');
  await assert.rejects(pending, { code: 'misuse' });
  await calls.ended;
  await assert.rejects(calls.call('double', 1), { code: 'misuse' });
});

test('what no other end says does nothing', async () => {
  const [a, b] = ports();
  new Calls<Table, Table>(b, { double: (n) => n * 2, note: () => {}, fail: () => {} });
  const calls = new Calls<Table, Record<never, never>>(a, {});
  for (const wrong of [
    null,
    5,
    'x',
    {},
    { id: 99, answer: 1 },
    { id: 'x', error: {} },
    { name: 7 },
    { name: 'double' },
  ]) {
    for (const message of [wrong, [wrong]]) {
      a.emit('message', message);
      b.emit('message', message);
    }
  }
  assert.equal(await calls.call('double', 21), 42);
});

test('what is said in one turn goes over together and in order', async () => {
  const [a, b] = ports();
  const noted: string[] = [];
  let messages = 0;
  b.on('message', () => messages++);
  new Calls<Table, Table>(b, { double: (n) => n * 2, note: (text) => void noted.push(text), fail: () => {} });
  const calls = new Calls<Table, Record<never, never>>(a, {});
  for (const word of ['one', 'two', 'three']) calls.tell('note', word);
  await Promise.resolve();
  assert.equal(await calls.call('double', 3), 6);
  assert.deepEqual([noted, messages], [['one', 'two', 'three'], 1]);
});
