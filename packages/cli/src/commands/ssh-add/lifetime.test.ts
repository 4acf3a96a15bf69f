/** What a certificate's end leaves of a lifetime. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateLifetime } from './lifetime.ts';

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
