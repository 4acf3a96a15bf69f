import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatExpiringKey, formatExpiryTime, parseExpiry } from './expiry.ts';
import { generateKey } from './private-key.ts';

const now = Date.UTC(2025, 0, 31, 12) / 1000;

test("durations are OpenSSH's", () => {
  assert.equal(parseExpiry('+90', now), now + 90);
  assert.equal(parseExpiry('+90s', now), now + 90);
  assert.equal(parseExpiry('+2m', now), now + 120);
  assert.equal(parseExpiry('+12H', now), now + 12 * 3600);
  assert.equal(parseExpiry('+90d', now), now + 90 * 86_400);
  assert.equal(parseExpiry('+1w2d3h', now), now + 9 * 86_400 + 3 * 3600);
  assert.equal(parseExpiry('+1s', now + 0.75), now + 1);
});

test('absolute times, in UTC and local', () => {
  assert.equal(parseExpiry('20300102Z', now), Date.UTC(2030, 0, 2) / 1000);
  assert.equal(parseExpiry('203001020304Z', now), Date.UTC(2030, 0, 2, 3, 4) / 1000);
  assert.equal(parseExpiry('20300102030405z', now), Date.UTC(2030, 0, 2, 3, 4, 5) / 1000);
  assert.equal(parseExpiry('20300102030405', now), new Date(2030, 0, 2, 3, 4, 5).getTime() / 1000);
});

test('times that are over, do not exist or are no times are refused', () => {
  for (const text of [
    '',
    '+',
    '+d',
    '+0d',
    '-1d',
    '90d',
    '+9999999999d',
    '+999999999w',
    '2030',
    '20300231Z',
    '20301301Z',
    '203001012500Z',
    '20200101Z',
    'always',
    'forever',
    '2030-01-01',
    `+${'1'.repeat(60)}x`,
    `+${'1d'.repeat(1000)}`,
  ]) {
    assert.throws(() => parseExpiry(text, now), { code: 'misuse' }, text);
  }
});

test('the line of authorized_keys', async () => {
  const { publicKey } = await generateKey('ssh-ed25519');
  assert.equal(formatExpiryTime(Date.UTC(2030, 0, 2, 3, 4, 5) / 1000), '20300102030405Z');
  const line = formatExpiringKey(publicKey, 'ada', parseExpiry('20300102030405Z', now));
  assert.equal(line, `expiry-time="20300102030405Z" ssh-ed25519 ${publicKey.blob.toString('base64')} ada`);
});
