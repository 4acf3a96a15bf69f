/** Programs that end early: all that they said is read, and whoever writes to them does not wait for ever. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { childStream } from './child-stream.ts';

function start(script: string) {
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  return { child, stream: childStream(child) };
}

test('what a program said before it ended is read, however late', async () => {
  const { child, stream } = start('head -c 300000 /dev/zero | tr "\\0" x & exec 0</dev/null; wait');
  stream.pause();
  await new Promise((resolve) => setImmediate(resolve));
  let bytes = 0;
  const ended = new Promise<void>((resolve) => stream.on('end', resolve));
  stream.on('data', (chunk) => {
    bytes += chunk.length;
  });
  stream.on('error', (error) => assert.fail(error));
  const exited = once(child, 'exit');
  // Its stdin goes before its output is read.
  stream.write(Buffer.alloc(1_000_000));
  stream.resume();
  await exited;
  await ended;
  assert.equal(bytes, 300_000);
});

test('a writer whose reader has gone is told to go on', async () => {
  const { child, stream } = start('exit 0');
  const drained = new Promise<void>((resolve) => stream.on('drain', resolve));
  assert.equal(stream.write(Buffer.alloc(10_000_000)), false);
  await once(child, 'exit');
  await drained;
  assert.equal(stream.write(Buffer.alloc(1)), true);
});
