/** Lifetimes: the texts of -t, and what a certificate's end leaves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateLifetime, parseLifetime } from './lifetime.ts';

test('reads times as OpenSSH writes them', () => {
  const times: [string, number | undefined][] = [
    ['0', 0],
    ['60', 60],
    ['1h30m', 5400],
    ['1D12H', 129_600],
    ['2w', 1_209_600],
    ['10s5', 15],
    ['2147483647', 2_147_483_647],
    ['2147483648', undefined],
    ['9999999999999999999999w', undefined],
    ['', undefined],
    ['-1', undefined],
    ['+1', undefined],
    ['1 h', undefined],
    ['h', undefined],
    ['1y', undefined],
  ];
  for (const [text, seconds] of times) assert.equal(parseLifetime(text), seconds, text);
});

test('a certificate is kept until five minutes after its end, or for the shorter lifetime asked for', () => {
  const now = 1_000_000_000_000;
  const ends = (seconds: number) => ({ validBefore: BigInt(now / 1000 + seconds) });
  assert.equal(certificateLifetime(ends(3600), 0, now), 3900);
  assert.equal(certificateLifetime(ends(3600), 60, now), 60);
  assert.equal(certificateLifetime(ends(3600), 7200, now), 3900);
  assert.equal(certificateLifetime(ends(-299), 0, now), 1);
  assert.equal(certificateLifetime(ends(-300), 0, now), undefined);
  assert.equal(certificateLifetime(ends(1e12), 0, now), 0x7fff_ffff);
  assert.equal(certificateLifetime({ validBefore: 0xffff_ffff_ffff_ffffn }, 0, now), 0);
  assert.equal(certificateLifetime({ validBefore: 0xffff_ffff_ffff_ffffn }, 60, now), 60);
  assert.equal(certificateLifetime({ validBefore: 0n }, 0, now), undefined);
});
