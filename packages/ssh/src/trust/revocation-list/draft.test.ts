/** Key revocation lists, written: small, in order, and read back as they were meant. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hash } from '../../crypto/hash.ts';
import { SshError } from '../../errors.ts';
import { certificateTexts } from '../fixtures.test.data.ts';
import { type AuthorityScope, RevocationListDraft } from './draft.ts';
import { readKeyRevocationList } from './list.ts';
import { alice, bob, ca, certificateOf, keyOf, otherCa, rsa } from './lists.test.kit.ts';

const greatest = 2n ** 64n - 1n;
const encode = (draft: RevocationListDraft) => draft.encode({ generatedAt: 7n });
const headerBytes = encode(new RevocationListDraft()).length;
/** The section's own head, the authority and the reserved field. */
const aboutBytes = 5 + 4 + ca.blob.length + 4;

function draftOf(...ranges: readonly (readonly [bigint, bigint])[]): RevocationListDraft {
  const draft = new RevocationListDraft();
  for (const [first, last] of ranges) draft.revokeSerials(ca, first, last);
  return draft;
}

/** Bytes that the serials take. */
function sizeOf(...ranges: readonly (readonly [bigint, bigint])[]): number {
  return encode(draftOf(...ranges)).length - headerBytes - aboutBytes;
}

test('everything that is revoked is found again', () => {
  const draft = new RevocationListDraft();
  draft.version = greatest;
  draft.comment = 'Schlüssel';
  draft.revoke(bob);
  draft.revokeKey(keyOf(certificateTexts.user));
  draft.revokeKeyHash('sha1', hash('sha1', rsa.blob));
  draft.revoke(certificateOf({ serial: 5n }));
  draft.revoke(certificateOf({ serial: 0n, keyId: 'no serial' }));
  draft.revokeKeyId('any-authority', 'everywhere');
  draft.revokeSerials(otherCa, 10n, 20n);
  const list = readKeyRevocationList(encode(draft));
  assert.deepEqual([list.version, list.generatedAt, Buffer.from(list.comment).toString()], [greatest, 7n, 'Schlüssel']);
  assert.deepEqual(list.revokes(bob), { by: 'key', of: 'key' });
  assert.deepEqual(list.revokes(alice), { by: 'key', of: 'key' });
  assert.deepEqual(list.revokes(rsa), { by: 'sha1', of: 'key' });
  assert.equal(list.revokes(ca), undefined);
  const [entry, ...others] = [...list.certificates()].map(({ authority, serials, keyIds }) => ({
    authority: authority?.blob,
    serials: [...serials()],
    keyIds: [...keyIds()].map(String),
  }));
  assert.deepEqual(entry, { authority: ca.blob, serials: [[5n, 5n]], keyIds: ['no serial'] });
  assert.deepEqual(others, [
    { authority: undefined, serials: [], keyIds: ['everywhere'] },
    { authority: otherCa.blob, serials: [[10n, 20n]], keyIds: [] },
  ]);
  assert.deepEqual(encode(RevocationListDraft.from(list)), encode(draft));
});

test('the same again changes nothing, and the order does not matter', () => {
  const one = draftOf([5n, 5n], [1n, 3n], [4n, 4n], [2n, 5n]);
  const other = draftOf([1n, 5n]);
  for (const draft of [one, other]) {
    for (const key of draft === one ? [bob, alice, bob] : [alice, bob]) draft.revokeKey(key);
    for (const id of draft === one ? ['b', 'a', 'b'] : ['a', 'b']) draft.revokeKeyId(ca, id);
  }
  assert.deepEqual(encode(one), encode(other));
  const merged = RevocationListDraft.from(readKeyRevocationList(encode(one)));
  merged.merge(readKeyRevocationList(encode(other)));
  assert.deepEqual(encode(merged), encode(other));
});

test('serials take the form in which they are shortest', () => {
  assert.equal(sizeOf([7n, 7n]), 5 + 8);
  assert.equal(sizeOf([1n, greatest]), 5 + 16);
  assert.equal(sizeOf([5n, 5n], [2n ** 40n, 2n ** 40n], [2n ** 50n, 2n ** 50n]), 5 + 3 * 8);
  // Sixteen of thirty-one bits in a row.
  const odd = Array.from({ length: 16 }, (_, i) => [BigInt(2 * i + 1), BigInt(2 * i + 1)] as const);
  assert.equal(sizeOf(...odd), 5 + 8 + 4 + 4);
  // Where the top bit fills its byte, a zero keeps the number positive.
  assert.equal(sizeOf(...odd, [32n, 32n]), 5 + 8 + 4 + 5);
  assert.equal(sizeOf(...odd, [10_000_000n, 20_000_000n]), 5 + 8 + 4 + 4 + 5 + 16);
});

test('no division of the serials, in their order, into sections takes fewer bytes', () => {
  // Two bitmaps here; which one is open when the last comes makes the difference of a byte.
  assert.equal(sizeOf([1n, 2n], [146n, 146n], [160n, 160n]), 37);
  const gap = fc.oneof(fc.bigInt(1n, 40n), fc.bigInt(1n, 200n), fc.bigInt(1n, 2000n));
  const run = fc.oneof(fc.constant(0n), fc.bigInt(0n, 40n));
  const property = fc.property(fc.array(fc.tuple(gap, run), { minLength: 1, maxLength: 9 }), (steps) => {
    const ranges: [bigint, bigint][] = [];
    let at = 0n;
    for (const [free, more] of steps) {
      // At least one serial stays free between two ranges, or they would be one.
      ranges.push([at + 1n + free, at + 1n + free + more]);
      at += 1n + free + more;
    }
    assert.equal(sizeOf(...ranges), leastBytes(ranges));
  });
  fc.assert(property, { numRuns: 300 });
});

/** Tries every section that can come first, and the best of the rest. */
function leastBytes(ranges: readonly (readonly [bigint, bigint])[], from = 0, known: number[] = []): number {
  const done = known[from];
  if (done !== undefined) return done;
  if (from === ranges.length) return 0;
  const [first, last] = ranges[from] as readonly [bigint, bigint];
  let best = 5 + 16 + leastBytes(ranges, from + 1, known);
  let singles = last - first + 1n;
  for (let to = from + 1; to <= ranges.length; to++) {
    const [, end] = ranges[to - 1] as readonly [bigint, bigint];
    const list = 5 + 8 * Number(singles);
    const bitmap = 5 + 8 + 4 + Math.floor(Number(end - first + 1n) / 8) + 1;
    best = Math.min(best, Math.min(list, bitmap) + leastBytes(ranges, to, known));
    const next = ranges[to];
    if (next !== undefined) singles += next[1] - next[0] + 1n;
  }
  known[from] = best;
  return best;
}

test('bitmaps are never longer than OpenSSH reads', () => {
  const alternating = Array.from({ length: 20_000 }, (_, i) => [BigInt(2 * i + 1), BigInt(2 * i + 1)] as const);
  const bytes = encode(draftOf(...alternating));
  assert.equal(bytes.length - headerBytes - aboutBytes, 3 * (5 + 8 + 4) + Math.ceil(40_000 / 8));
  const longest = Math.max(
    ...[...bytes.toString('latin1').matchAll(/\x22\0\0(.)(.)/gs)].map(([, a, b]) => {
      return ((a ?? '').charCodeAt(0) << 8) | (b ?? '').charCodeAt(0);
    }),
  );
  assert.ok(longest <= 8 + 4 + 2049, String(longest));
  const [entry] = readKeyRevocationList(bytes).certificates();
  assert.deepEqual([...(entry?.serials() ?? [])], alternating);
});

test('random sets come back as they were, and in no more bytes than any one form takes', () => {
  const start = fc.oneof(fc.bigInt(1n, 400n), fc.bigInt(1n, 100_000n), fc.bigInt(1n, greatest));
  const range = fc.tuple(start, fc.oneof(fc.constant(0n), fc.bigInt(0n, 40n), fc.bigInt(0n, 2n ** 40n)));
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 40 }), (pairs) => {
      const ranges = pairs.map(([first, more]) => [first, first + more > greatest ? greatest : first + more] as const);
      const bytes = encode(draftOf(...ranges));
      const [entry] = readKeyRevocationList(bytes).certificates();
      const got = [...(entry?.serials() ?? [])];
      assert.deepEqual(got, unionOf(ranges));
      const size = bytes.length - headerBytes - aboutBytes;
      assert.ok(size <= got.length * 21, 'ranges would be shorter');
      const singles = got.reduce((sum, [first, last]) => sum + (last - first + 1n), 0n);
      assert.ok(BigInt(size) <= 5n + 8n * singles, 'a list would be shorter');
      const span = (got.at(-1)?.[1] ?? 0n) - (got[0]?.[0] ?? 0n) + 1n;
      if (span <= 16_384n) assert.ok(BigInt(size) <= 17n + span / 8n + 1n, 'a bitmap would be shorter');
    }),
    { numRuns: 300 },
  );
});

function unionOf(ranges: readonly (readonly [bigint, bigint])[]): [bigint, bigint][] {
  const result: [bigint, bigint][] = [];
  for (const [first, last] of [...ranges].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const before = result.at(-1);
    if (before !== undefined && first <= before[1] + 1n) before[1] = last > before[1] ? last : before[1];
    else result.push([first, last]);
  }
  return result;
}

test('what no list can say is refused', () => {
  const draft = new RevocationListDraft();
  const attempts: (() => void)[] = [
    () => draft.revokeSerials(ca, 0n),
    () => draft.revokeSerials(ca, 5n, 4n),
    () => draft.revokeSerials(ca, 5n, 2n ** 64n),
    () => draft.revokeKeyId(ca, 'a\0b'),
    () => draft.revokeKeyHash('sha256', Buffer.alloc(20)),
    () => draft.revokeKeyHash('sha1', Buffer.alloc(32)),
    () => draft.revokeSerials(keyOf(certificateTexts.user) as AuthorityScope, 5n),
    () => {
      const other = new RevocationListDraft();
      other.comment = 'a\0b';
      encode(other);
    },
  ];
  for (const attempt of attempts) {
    assert.throws(attempt, (error) => error instanceof SshError && error.code === 'misuse', String(attempt));
  }
  assert.equal(encode(draft).length, headerBytes);
});
