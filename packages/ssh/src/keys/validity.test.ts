/** Times and intervals in every form that OpenSSH takes, and the words for those it does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { parseTimeSpec, parseValidityInterval, parseValidityTime } from './index.ts';

/** 2026-11-22 20:21:42 UTC. */
const now = 1_795_378_902;
const forever = 2n ** 64n - 1n;
const utc = (...parts: [number, number, number?, number?, number?, number?]): bigint =>
  BigInt(Date.UTC(...parts) / 1000);
const local = (year: number, month: number, day: number, hour = 0, minute = 0, second = 0): bigint =>
  BigInt(new Date(year, month, day, hour, minute, second).getTime() / 1000);

test('reads relative times', () => {
  const spans: [string, number][] = [
    ['0', 0],
    ['1', 1],
    ['90d', 90 * 86_400],
    ['1w2d', 9 * 86_400],
    ['1w2d3h4m5s', 9 * 86_400 + 3 * 3600 + 4 * 60 + 5],
    ['1W2', 7 * 86_400 + 2],
    ['5s5s', 10],
    ['2147483647', 2_147_483_647],
  ];
  for (const [text, seconds] of spans) {
    assert.equal(parseValidityTime(`+${text}`, now), BigInt(now + seconds), text);
    if (seconds < now) assert.equal(parseValidityTime(`-${text}`, now + 0.9), BigInt(now - seconds), text);
  }
});

test('reads absolute times, local and UTC, and hexadecimal ones', () => {
  assert.equal(parseValidityTime('20300102', now), local(2030, 0, 2));
  assert.equal(parseValidityTime('203001020304', now), local(2030, 0, 2, 3, 4));
  assert.equal(parseValidityTime('20300102030405', now), local(2030, 0, 2, 3, 4, 5));
  assert.equal(parseValidityTime('20300102Z', now), utc(2030, 0, 2));
  assert.equal(parseValidityTime('203001020304z', now), utc(2030, 0, 2, 3, 4));
  assert.equal(parseValidityTime('20300102030405UTC', now), utc(2030, 0, 2, 3, 4, 5));
  assert.equal(parseValidityTime('0x10', now), 16n);
  assert.equal(parseValidityTime('0xffffFFFFffffFFFF', now), forever);
  assert.equal(parseTimeSpec('19700101Z'), 0);
});

test('refuses what is no time, as misuse', () => {
  const refused: [string, RegExp][] = [
    ['', /^Invalid time ""$/],
    ['90d', /^Invalid time "90d"$/],
    ['always', /^Invalid time/],
    ['20300231', /^Invalid time/],
    ['20301301Z', /^Invalid time/],
    ['203001022400', /^Invalid time/],
    ['19691231Z', /^Invalid time/],
    [' 20300101', /^Invalid time/],
    ['2030-01-01', /^Invalid time/],
    ['+', /^Invalid relative certificate time \+$/],
    ['+1x', /^Invalid relative certificate time \+1x$/],
    ['+1 d', /^Invalid relative/],
    ['+-1d', /^Invalid relative/],
    ['+d', /^Invalid relative/],
    ['+2147483648', /^Invalid relative/],
    ['+99999w', /^Invalid relative/],
    [`+${'1'.repeat(100_000)}`, /^Invalid relative/],
    ['-2000000000', /^Certificate time -2000000000 cannot be represented$/],
    ['0x', /^Invalid certificate time: not a number$/],
    ['0xg', /^Invalid certificate time: not a number$/],
    ['0x10000000000000000', /^Invalid certificate time: Numerical result out of range$/],
  ];
  for (const [text, message] of refused) {
    assert.throws(() => parseValidityTime(text, now), { name: 'SshError', code: 'misuse', message }, text.slice(0, 40));
  }
  assert.throws(() => parseValidityTime('+1d', Number.NaN), { code: 'misuse' });
  assert.throws(() => parseValidityTime('+1d', -5), { code: 'misuse' });
});

test('reads intervals', () => {
  const intervals: [string, bigint, bigint][] = [
    ['always:forever', 0n, forever],
    // A lone end begins with a whole minute that is at least 59 seconds ago.
    ['+52w', utc(2026, 10, 22, 20, 20), BigInt(now + 364 * 86_400)],
    ['-1h:+52w', BigInt(now - 3600), BigInt(now + 364 * 86_400)],
    ['+1d:+2d', BigInt(now + 86_400), BigInt(now + 2 * 86_400)],
    ['20300101Z:20310101Z', utc(2030, 0, 1), utc(2031, 0, 1)],
    ['always:20300101Z', 0n, utc(2030, 0, 1)],
    ['20300101Z:forever', utc(2030, 0, 1), forever],
    ['0x10:0x20', 16n, 32n],
    ['0x0:0xffffffffffffffff', 0n, forever],
    ['0x10:20300101Z', 16n, utc(2030, 0, 1)],
  ];
  for (const [text, validAfter, validBefore] of intervals) {
    assert.deepEqual(parseValidityInterval(text, now), { validAfter, validBefore }, text);
  }
  assert.deepEqual(parseValidityInterval('+60', 0), { validAfter: 0n, validBefore: 60n });
});

test("refuses intervals in OpenSSH's words", () => {
  const refused: [string, string][] = [
    ['52w', 'Invalid certificate life specification 52w'],
    ['-52w', 'Invalid certificate life specification -52w'],
    ['forever', 'Invalid certificate life specification forever'],
    ['20300101', 'Invalid certificate life specification 20300101'],
    ['', 'Invalid certificate life specification '],
    [':', 'Invalid certificate life specification :'],
    ['always:', 'Invalid certificate life specification always:'],
    [':forever', 'Invalid certificate life specification :forever'],
    ['+1x', 'Invalid relative certificate life +1x'],
    ['+1x:+1d', 'Invalid relative certificate time +1x'],
    ['x:+1d', 'Invalid from time "x"'],
    ['forever:+1d', 'Invalid from time "forever"'],
    ['always:always', 'Invalid to time "always"'],
    ['always:1:2', 'Invalid to time "1:2"'],
    ['20310101:20300101', 'Empty certificate validity interval'],
    ['+1d:+1d', 'Empty certificate validity interval'],
    ['always:0x0', 'Empty certificate validity interval'],
  ];
  for (const [text, message] of refused) {
    assert.throws(() => parseValidityInterval(text, now), { name: 'SshError', code: 'misuse', message });
  }
});

test('any text is a time or misuse', () => {
  const letter = fc.constantFrom(...'0123456789+-:xzZsmhdwWalyforev '.split(''));
  fc.assert(
    fc.property(fc.string({ unit: letter, maxLength: 30 }), (text) => {
      for (const parse of [parseValidityTime, parseValidityInterval]) {
        try {
          parse(text, now);
        } catch (error) {
          assert.ok(error instanceof SshError && error.code === 'misuse', text);
        }
      }
    }),
  );
});
