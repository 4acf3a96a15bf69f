/** Memory that a sink lends for replies comes back when no reply bears it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrame } from '../frames.ts';
import * as messages from '../messages.ts';
import { nextTurn, scriptedFiles } from './server.test.kit.ts';
import { SftpServer } from './server.ts';

test('a read at the end of a file, or one that fails, gives its memory back at once', async () => {
  const lent = new Set<Buffer>();
  const sent: Buffer[] = [];
  const reads: (() => number | Promise<number>)[] = [
    () => 3,
    () => 0,
    () => Promise.resolve(0),
    () => Promise.reject(new Error('broken')),
    () => {
      throw new Error('broken');
    },
  ];
  const left = [...reads];
  const server = new SftpServer(
    scriptedFiles({ open: () => ({ read: () => left.shift()?.() ?? 0, stat: () => ({}), close: () => {} }) }),
    {
      send: (frames) => sent.push(...frames) > 0,
      allocate(byteCount) {
        const memory = Buffer.alloc(byteCount);
        lent.add(memory);
        return memory;
      },
      release: (memory) => assert.ok(lent.delete(memory)),
    },
  );
  const send = (message: Buffer) => server.receive(encodeFrame(message));
  send(messages.init.encode({ version: 3, extensions: [] }));
  send(messages.open.encode({ id: 0, path: Buffer.from('/f'), flags: 1, attributes: {} }));
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  for (const [at] of reads.entries()) {
    send(messages.read.encode({ id: at + 1, handle: Buffer.alloc(4), offset: 0n, length: 100_000 }));
    for (let turn = 0; turn < 5; turn++) await nextTurn();
  }
  assert.equal(sent.length, 2 + reads.length);
  // The one that had bytes is on its way.
  assert.equal(lent.size, 1);
  await server.abort();
});
