import assert from 'node:assert/strict';
import test from 'node:test';
import { SshError } from '../../errors.ts';
import { oakleyGroup } from './diffie-hellman-group.ts';
import { isInnerElement, respondFiniteField, startFiniteField } from './finite-field.ts';
import { bitLength } from './group-exchange.ts';
import { decodeMpintBody, encodeMpintBody } from './mpint.ts';

const isRefusal = (error: unknown) =>
  error instanceof SshError && error.code === 'kex-failed' && error.disconnect === 3;

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
}

function toBody(value: bigint): Buffer {
  const digits = value.toString(16);
  return encodeMpintBody(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'));
}

function power(base: bigint, exponent: bigint, prime: bigint): bigint {
  let result = 1n;
  let square = base % prime;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}

test('the groups have their sizes and RFC 3526 form', () => {
  for (const [number, bits] of [
    [2, 1024],
    [14, 2048],
    [16, 4096],
    [18, 8192],
  ] as const) {
    const { prime, generator } = oakleyGroup(number);
    assert.equal(bitLength(prime), bits);
    assert.deepEqual(generator, Buffer.of(2));
    // All of them begin and end with 64 ones.
    assert.equal(prime.subarray(0, 8).toString('hex'), 'ffffffffffffffff');
    assert.equal(prime.subarray(-8).toString('hex'), 'ffffffffffffffff');
    assert.equal(oakleyGroup(number), oakleyGroup(number));
  }
  // RFC 3526 §3: 2^2048 - 2^1984 - 1 + 2^64 * (floor(2^1918 pi) + 124476), by its last digits before the ones.
  assert.equal(oakleyGroup(14).prime.subarray(-16, -8).toString('hex'), '15728e5a8aacaa68');
});

test('values and secrets are the powers that arithmetic gives', () => {
  const group = oakleyGroup(2);
  const prime = toNumber(group.prime);
  const exponent = Buffer.alloc(64, 0x5a);
  const initiator = startFiniteField(group, exponent);
  assert.deepEqual(initiator.value, toBody(power(2n, toNumber(exponent), prime)));
  const response = respondFiniteField(group, initiator.value);
  assert.deepEqual(response.secret, toBody(power(toNumber(response.value), toNumber(exponent), prime)));
  assert.deepEqual(initiator.finish(response.value), response.secret);
});

test('secrets with a top bit get a zero in front, leading zeros are cut', () => {
  const group = oakleyGroup(14);
  // Small powers that do not wrap round the prime.
  for (const [exponent, peer, secret] of [
    [7, 2, '0080'],
    [5, 4, '0400'],
    [8, 2, '0100'],
    [15, 2, '008000'],
    [6, 2, '40'],
  ] as const) {
    const initiator = startFiniteField(group, Buffer.of(exponent));
    assert.deepEqual(initiator.value, toBody(2n ** BigInt(exponent)));
    assert.equal((initiator.finish(Buffer.of(peer)) as Buffer).toString('hex'), secret);
  }
});

test('the body of a number is canonical whichever bytes it comes in', () => {
  let padded = 0;
  let whole = 0;
  for (let run = 0; run < 40; run++) {
    const initiator = startFiniteField(oakleyGroup(2));
    const { secret, value } = respondFiniteField(oakleyGroup(2), initiator.value);
    for (const body of [initiator.value, secret, value]) {
      if (body.length === 129) padded++;
      else whole++;
      assert.deepEqual(toBody(toNumber(body)), body);
      assert.deepEqual(encodeMpintBody(decodeMpintBody(body, 'it')), body);
    }
  }
  assert.ok(padded > 0 && whole > 0);
  assert.deepEqual(encodeMpintBody(Buffer.of(0, 0, 0x7f)), Buffer.of(0x7f));
  assert.deepEqual(encodeMpintBody(Buffer.of(0, 0x80)), Buffer.of(0, 0x80));
  assert.deepEqual(encodeMpintBody(Buffer.of(0)), Buffer.alloc(0));
});

test('0, 1, p - 1, p and beyond are refused, 2 and p - 2 are not', () => {
  for (const number of [2, 14] as const) {
    const group = oakleyGroup(number);
    const prime = toNumber(group.prime);
    for (const bad of [0n, 1n, prime - 1n, prime, prime + 1n, prime * 2n, 2n ** 9000n]) {
      assert.throws(() => respondFiniteField(group, toBody(bad)), isRefusal);
      assert.throws(() => startFiniteField(group).finish(toBody(bad)), isRefusal);
    }
    // In group 2 and in group 14 the number p - 2 is no square, and is still a fair value.
    assert.ok(isInnerElement(decodeMpintBody(toBody(prime - 2n), 'it'), group.prime));
    assert.ok(isInnerElement(Buffer.of(2), group.prime));
    assert.ok(respondFiniteField(group, toBody(2n)).secret.length > 0);
  }
});
