/** Listings: braces, scaled sizes, styles, order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatScaled } from '../numbers.ts';
import { baseName, withoutFolder } from '../paths.ts';
import { expandBraces } from './braces.ts';
import { sortEntries, styleOf } from './style.ts';

test('braces as csh has them', () => {
  const cases: Record<string, string[]> = {
    plain: ['plain'],
    '{a,b}c': ['ac', 'bc'],
    'x{a,{b,c}d}y': ['xay', 'xbdy', 'xcdy'],
    '{a,b}{c,d}': ['ac', 'ad', 'bc', 'bd'],
    '{}': ['{}'],
    '{}{a,b}': ['{}a', '{}b'],
    '{a': ['{a'],
    '\\{a,b}': ['\\{a,b}'],
    '{,x}y': ['y', 'xy'],
  };
  for (const [pattern, expected] of Object.entries(cases)) assert.deepEqual(expandBraces(pattern), expected, pattern);
});

test('braces within braces are no way to fill the memory', () => {
  assert.ok(expandBraces('{a,b}'.repeat(40)).length < 5000);
});

test('sizes with units', () => {
  const cases: [bigint, string][] = [
    [0n, '0B'],
    [1023n, '1023B'],
    [1024n, '1.0K'],
    [1536n, '1.5K'],
    [10n * 1024n * 1024n - 1n, '10.0M'],
    [99n * 1024n + 1000n, '100K'],
    [252n * 1024n ** 3n, '252G'],
    [1024n ** 6n, '1.0E'],
  ];
  for (const [bytes, text] of cases) assert.equal(formatScaled(bytes), text);
});

test('of flags that contradict each other the last counts', () => {
  assert.deepEqual(styleOf(new Set(['l', '1'])).view, 'lines');
  assert.deepEqual(styleOf(new Set(['1', 'l'])).view, 'long');
  assert.deepEqual(styleOf(new Set(['t', 'S'])).sort, 'size');
  assert.deepEqual(styleOf(new Set(['S', 'f'])).sort, 'none');
  assert.equal(styleOf(new Set(['n', 'h', '1'])).isNumeric, false);
});

test('newest and largest first, and the other way round', () => {
  const entries = [1, 3, 2].map((at) => ({
    name: `n${at}`,
    attributes: { size: at, times: { accessed: 0, modified: 10 - at } },
  }));
  const names = (...flags: string[]) => sortEntries(entries, styleOf(new Set(flags))).map(({ name }) => name);
  assert.deepEqual(names('S'), ['n3', 'n2', 'n1']);
  assert.deepEqual(names('t'), ['n1', 'n2', 'n3']);
  assert.deepEqual(names('t', 'r'), ['n3', 'n2', 'n1']);
  assert.deepEqual(names('f'), ['n1', 'n3', 'n2']);
  assert.deepEqual(names(), ['n1', 'n2', 'n3']);
});

test('names stand in the order of their bytes, whatever UTF-16 makes of them', () => {
  // U+FF01 comes before U+1F600 in UTF-8 and behind it in UTF-16; a byte that is no UTF-8 comes as a lone surrogate.
  const cases = [
    ['B', 'a', 'é', '中'],
    ['a', '\uff01', '\u{1f600}'],
    ['', 'a', 'a.b', 'ab'],
  ];
  for (const expected of cases) {
    const entries = [...expected].reverse().map((name) => ({ name, attributes: {} }));
    const names = sortEntries(entries, styleOf(new Set())).map(({ name }) => name);
    assert.deepEqual(names, expected);
  }
});

test('paths without the folder in front, and their last names', () => {
  assert.equal(withoutFolder('/a/b/c', '/a/b'), 'c');
  assert.equal(withoutFolder('/a', '/'), 'a');
  assert.equal(withoutFolder('/x', '/a'), '/x');
  assert.equal(withoutFolder('/x', undefined), '/x');
  assert.deepEqual(['/a/b/', '/', 'c', ''].map(baseName), ['b', '/', 'c', '.']);
});
