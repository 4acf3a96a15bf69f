/** The line of a listing that people see. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFileTime, formatLongName, formatMode } from './long-name.ts';

test('modes as strmode(3) writes them', () => {
  const cases: [number, string][] = [
    [0o100644, '-rw-r--r--'],
    [0o040755, 'drwxr-xr-x'],
    [0o120777, 'lrwxrwxrwx'],
    [0o104755, '-rwsr-xr-x'],
    [0o104644, '-rwSr--r--'],
    [0o102755, '-rwxr-sr-x'],
    [0o102745, '-rwxr-Sr-x'],
    [0o041777, 'drwxrwxrwt'],
    [0o041776, 'drwxrwxrwT'],
    [0o020620, 'crw--w----'],
    [0o060660, 'brw-rw----'],
    [0o010600, 'prw-------'],
    [0o140700, 'srwx------'],
    [0o000644, '?rw-r--r--'],
  ];
  for (const [mode, text] of cases) assert.equal(formatMode(mode), text);
});

test('the columns of ls -l: the hour of new files, the year of old ones and of those to come', () => {
  const at = (year: number, month: number, day: number, hour = 0) =>
    new Date(year, month - 1, day, hour, 7).getTime() / 1000;
  const now = at(2026, 6, 1);
  const line = (modified: number | undefined, size = 5) =>
    formatLongName({
      name: Buffer.from('name'),
      attributes: { mode: 0o100600, size, ...(modified !== undefined && { times: { accessed: 0, modified } }) },
      ...{ links: 2, user: 'ada', group: 'longergroup', now },
    }).toString();
  assert.equal(line(at(2026, 5, 3, 14)), '-rw-------   2 ada      longergroup        5 May  3 14:07 name');
  assert.equal(line(at(2025, 5, 13)), '-rw-------   2 ada      longergroup        5 May 13  2025 name');
  assert.equal(
    line(at(2026, 6, 2), 12_345_678_901),
    '-rw-------   2 ada      longergroup 12345678901 Jun  2  2026 name',
  );
  assert.match(
    formatLongName({ name: Buffer.from('n'), attributes: {}, links: 1, user: '0', group: '0', now }).toString(),
    /^\?---/,
  );
});

test('a time is the same whichever was asked for before it', () => {
  const [old, recent] = [new Date(2024, 0, 2, 3, 4, 5), new Date(2026, 4, 3, 14, 7, 0)].map(
    (at) => at.getTime() / 1000,
  );
  const now = (recent as number) + 100;
  const texts = () => [
    formatFileTime(recent, now),
    formatFileTime((recent as number) + 29, now),
    formatFileTime((recent as number) + 60, now),
    formatFileTime(recent, (recent as number) - 1),
    formatFileTime(old, now),
    formatFileTime(old, (old as number) + 1),
  ];
  const expected = ['May  3 14:07', 'May  3 14:07', 'May  3 14:08', 'May  3  2026', 'Jan  2  2024', 'Jan  2 03:04'];
  assert.deepEqual(texts(), expected);
  assert.deepEqual(texts().reverse(), [...expected].reverse());
});
