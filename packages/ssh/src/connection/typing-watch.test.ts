import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialWindowBytes, leastWindowBesideKeysBytes } from '../limits.ts';
import type { Channel } from './channel.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { linkedPair } from './linked-pair.test.kit.ts';

const nothing = Buffer.alloc(0);

/** A pair whose server takes every channel; `open` opens one from the client. */
function openPair(options: Partial<ConnectionOptions>) {
  const accepted: Channel[] = [];
  const pair = linkedPair({
    client: options,
    server: { channelHandlers: new Map([['test', (open) => void accepted.push(open.accept())]]) },
  });
  const open = async (interactive = false) => {
    const opened = pair.client.openChannel('test', nothing, { interactive });
    pair.deliver();
    return { here: await opened, there: accepted.at(-1) as Channel };
  };
  return { ...pair, open };
}

/** Has the peer send as much as it may, and takes it, so often. */
async function pump(pair: { settle(): Promise<void> }, here: Channel, there: Channel, times: number): Promise<void> {
  here.attach({ data: (chunk) => here.consumed(chunk.length), eof() {}, closed() {} });
  for (let i = 0; i < times; i++) {
    there.write(Buffer.alloc(there.sendCredit));
    await pair.settle();
  }
}

test('beside keys a bulk channel opens with a small window on a short path', async () => {
  const pair = openPair({ roundTripMs: 0.5 });
  const before = await pair.open();
  assert.equal(before.here.receiveWindow.size, initialWindowBytes);
  const keys = await pair.open(true);
  const after = await pair.open();
  assert.equal(after.here.receiveWindow.size, leastWindowBesideKeysBytes);
  keys.here.close();
  keys.there.close();
  await pair.settle();
  assert.equal(after.here.receiveWindow.size, initialWindowBytes);
});

test('a window that was open shrinks as it is used, and comes back when nobody types any more', async () => {
  const pair = openPair({ roundTripMs: 0.5 });
  const { here, there } = await pair.open();
  const keys = await pair.open(true);
  assert.equal(there.sendCredit, initialWindowBytes, 'what was given cannot be taken back');
  await pump(pair, here, there, 3);
  assert.ok(there.sendCredit <= leastWindowBesideKeysBytes, `${there.sendCredit}`);
  assert.ok(there.sendCredit >= leastWindowBesideKeysBytes / 2, `${there.sendCredit} is too little to go on with`);
  assert.equal(here.receiveWindow.size, leastWindowBesideKeysBytes);
  const used = pair.client.windowBytes;
  keys.here.close();
  keys.there.close();
  await pair.settle();
  assert.equal(here.receiveWindow.size, initialWindowBytes);
  assert.ok(there.sendCredit > initialWindowBytes - leastWindowBesideKeysBytes);
  assert.equal(
    pair.client.windowBytes,
    used + initialWindowBytes - leastWindowBesideKeysBytes - keys.here.receiveWindow.size,
  );
});

test('on a long path bulk keeps its window beside keys, and the window may grow', async () => {
  const pair = openPair({ roundTripMs: 100 });
  await pair.open(true);
  const { here } = await pair.open();
  const { size } = here.receiveWindow;
  assert.ok(size > initialWindowBytes);
  here.growWindow(2 * size);
  assert.equal(here.receiveWindow.size, 2 * size);
});

test('a window that has grown on a long path stays as it is beside keys, and after them', async () => {
  const pair = openPair({ roundTripMs: 100 });
  const { here } = await pair.open();
  here.growWindow(16 * initialWindowBytes);
  const keys = await pair.open(true);
  assert.equal(here.receiveWindow.size, 16 * initialWindowBytes);
  keys.here.close();
  keys.there.close();
  await pair.settle();
  assert.equal(here.receiveWindow.size, 16 * initialWindowBytes);
});

test('a key is handed over at once, and bulk at the end of the turn', async () => {
  const pair = openPair({});
  const bulk = await pair.open();
  const keys = await pair.open(true);
  const flushes = (work: () => void) => {
    const before = pair.clientLink.flushCount;
    work();
    return pair.clientLink.flushCount - before;
  };
  assert.equal(
    flushes(() => bulk.here.write(Buffer.alloc(100_000))),
    0,
  );
  assert.equal(
    flushes(() => keys.here.write(Buffer.from('k'))),
    1,
  );
  // What no keyboard sends is bulk there as well.
  assert.equal(
    flushes(() => keys.here.write(Buffer.alloc(100_000))),
    0,
  );
});
