/** Foreground or not, by what the kernel says. */
import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import { isForegroundTerminal, matches } from './foreground.ts';

test('the group in the foreground of that very terminal', () => {
  const stat = (group: number, terminal: number, foreground: number) =>
    `12 (a) b) S 1 ${group} 12 ${terminal} ${foreground} 4194304 0`;
  assert.equal(matches(stat(12, 34816, 12), 34816), true);
  assert.equal(matches(stat(12, 34816, 99), 34816), false, 'in the background');
  assert.equal(matches(stat(12, 34817, 12), 34816), false, 'another terminal');
  assert.equal(matches(stat(12, 0, -1), 34816), false, 'no terminal at all');
  // pts/300: the C library and the kernel count minors above 255 in different places.
  assert.equal(matches(stat(12, 0x10882c, 12), 0x10882c), true);
});

test('what is no terminal is none', () => {
  assert.equal(isForegroundTerminal(openSync('/dev/null', 'w')), false);
  assert.equal(isForegroundTerminal(9999), false);
});
