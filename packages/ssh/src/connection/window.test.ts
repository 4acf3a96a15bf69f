import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { ReceiveWindow, SendWindow, smallestWindowBytes, WindowBudget } from './window.ts';

const isProtocolError = (error: unknown) => error instanceof SshError && error.code === 'protocol-error';

test('credit comes back for consumed bytes only, in one adjust for many packets', () => {
  const window = new ReceiveWindow(2 ** 21, 65536);
  let adjusts = 0;
  let returned = 0;
  for (let packet = 0; packet < 64; packet++) {
    window.take(32768);
    const adjust = window.consume(32768);
    if (adjust > 0) adjusts++;
    returned += adjust;
  }
  assert.equal(adjusts, 4);
  assert.equal(returned, 2 ** 21);
  assert.equal(window.credit, 2 ** 21);
  window.take(1000);
  assert.equal(window.credit, 2 ** 21 - 1000);
});

test('more than the window, and more than the maximum packet, is the peer’s error', () => {
  const window = new ReceiveWindow(100, 60);
  window.take(60);
  assert.throws(() => window.take(41), isProtocolError);
  window.take(40);
  assert.throws(() => window.take(1), isProtocolError);
  assert.doesNotThrow(() => window.take(0));
  assert.throws(() => new ReceiveWindow(100, 60).take(61), isProtocolError);
});

test('property: credit, held bytes and bytes to return always add up to the size', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1 << 22 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 65536 }), fc.integer({ min: 0, max: 65536 })), { maxLength: 200 }),
      (size, steps) => {
        const window = new ReceiveWindow(size, 65536);
        let held = 0;
        let peerCredit = size;
        for (const [incoming, outgoing] of steps) {
          const taken = Math.min(incoming, window.credit);
          window.take(taken);
          peerCredit -= taken;
          held += taken;
          const consumed = Math.min(outgoing, held);
          held -= consumed;
          peerCredit += window.consume(consumed);
          assert.equal(window.credit, peerCredit);
          assert.ok(peerCredit >= 0 && held + peerCredit <= size);
        }
        // Whoever reads everything gets the peer going again: it is never stuck at zero.
        peerCredit += window.consume(held);
        assert.ok(peerCredit > 0);
      },
    ),
  );
});

test('a send window reaches 2^32-1 and not a byte more', () => {
  const window = new SendWindow(0xffff_fffe, 1024);
  window.add(1);
  assert.equal(window.credit, 0xffff_ffff);
  window.add(0);
  assert.throws(() => window.add(1), isProtocolError);
  assert.throws(() => new SendWindow(1, 1024).add(0xffff_ffff), isProtocolError);
  assert.equal(window.allow(5000), 1024);
});

test('a thousand channels stay inside the budget, and the last one still gets a window', () => {
  const total = 256 * 2 ** 20;
  const budget = new WindowBudget(total, 1024);
  const granted: number[] = [];
  for (let channel = 0; channel < 1024; channel++) granted.push(budget.open(2 ** 21));
  assert.ok(budget.usedBytes <= total, `${budget.usedBytes}`);
  assert.equal(granted[0], 2 ** 21);
  assert.ok(Math.min(...granted) >= smallestWindowBytes);
  assert.equal(budget.grow(2 ** 21) <= total - budget.usedBytes, true);
  for (const bytes of granted) budget.close(bytes);
  assert.ok(budget.usedBytes >= 0);
});
