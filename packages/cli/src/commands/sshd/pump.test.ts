import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { pumpInput } from './pump.ts';

/** A program's input that takes a chunk only after a while, and looks at it only then. */
function slowInput(): { readonly stream: Writable; readonly taken: Buffer[] } {
  const taken: Buffer[] = [];
  const stream = new Writable({
    highWaterMark: 64 * 1024,
    write(chunk: Buffer, _encoding, done) {
      setImmediate(() => {
        taken.push(Buffer.from(chunk));
        done();
      });
    },
  });
  return { stream, taken };
}

function chunksOf(count: number): Buffer[] {
  return Array.from({ length: count }, () => Buffer.from(randomBytes(32 * 1024)));
}

test('input reaches the program whole, and the pipe grows once', async () => {
  const chunks = chunksOf(50);
  const expected = Buffer.concat(chunks);
  const { stream, taken } = slowInput();
  let grown = 0;
  const finished = new Promise((resolve) => stream.on('finish', resolve));
  pumpInput(
    Readable.from(chunks),
    stream,
    () => assert.fail('the program took everything'),
    () => grown++,
  );
  await finished;
  assert.ok(Buffer.concat(taken).equals(expected));
  assert.equal(grown, 1);
});

test('little input leaves the pipe as it is', async () => {
  const { stream, taken } = slowInput();
  const finished = new Promise((resolve) => stream.on('finish', resolve));
  pumpInput(
    Readable.from(chunksOf(2)),
    stream,
    () => {},
    () => assert.fail('grown for nothing'),
  );
  await finished;
  assert.equal(Buffer.concat(taken).length, 64 * 1024);
});

test('who listens in keeps what it heard', async () => {
  const chunks = chunksOf(4);
  const expected = Buffer.concat(chunks);
  const from = Readable.from(chunks);
  const heard: Buffer[] = [];
  from.on('data', (chunk: Buffer) => heard.push(chunk));
  const { stream } = slowInput();
  const finished = new Promise((resolve) => stream.on('finish', resolve));
  pumpInput(from, stream, () => {});
  await finished;
  assert.ok(Buffer.concat(heard).equals(expected));
});
