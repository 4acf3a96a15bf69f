import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { startSftp } from '../sftp/index.ts';
import { programStream } from './program-stream.ts';

type Session = Parameters<typeof programStream>[0];

test('a stream that was over before anybody listened: a session on it fails, and waits for nothing', async () => {
  for (const cause of [new Error('the connection broke'), undefined]) {
    const stream = new PassThrough();
    stream.on('error', () => {});
    const closed = once(stream, 'close').catch(() => {});
    stream.destroy(cause);
    await closed;
    const exit = cause === undefined ? Promise.resolve({ neither: true }) : Promise.reject(cause);
    exit.catch(() => {});
    const started = startSftp(programStream({ stream, exit } as unknown as Session));
    const code = cause === undefined ? 'closed' : 'connection-lost';
    await assert.rejects(started, { name: 'SshError', stage: 'sftp', code });
  }
});

test('a stream that ends later tells it once', async () => {
  const stream = new PassThrough();
  const told: string[] = [];
  const program = programStream({ stream, exit: Promise.resolve({ status: 0 }) } as unknown as Session);
  program.on('close', () => told.push('close'));
  stream.destroy();
  await once(stream, 'close');
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.deepEqual(told, ['close']);
});
