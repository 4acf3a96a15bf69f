import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration } from './duration.ts';

test('times with and without units', () => {
  const times = { '0': 0, '3600': 3600, '1h30m': 5400, '2w': 1_209_600, '1D2H3M4S': 93_784, '10m5': 605 };
  for (const [text, seconds] of Object.entries(times)) assert.equal(parseDuration(text), seconds, text);
  for (const text of ['', '-1', '1x', 'h', '1 h', '2147483648', '4000w', '1'.repeat(200), `${'1'.repeat(100)}x`]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});
