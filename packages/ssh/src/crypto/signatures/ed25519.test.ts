/** Ed25519 against RFC 8032, and the list of small-order points against the curve itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEd25519Signer, createEd25519Verifier, ed25519FromSeed } from './ed25519.ts';

test('RFC 8032 §7.1, test 3', () => {
  const numbers = ed25519FromSeed(
    Buffer.from('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7', 'hex'),
  );
  assert.equal(numbers.publicKey.toString('hex'), 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025');
  const signature = createEd25519Signer(numbers)(Buffer.from('af82', 'hex'));
  assert.equal(
    signature.toString('hex'),
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac' +
      '18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  );
  assert.ok(createEd25519Verifier(numbers.publicKey)(Buffer.from('af82', 'hex'), signature));
});

const prime = 2n ** 255n - 19n;
const mod = (value: bigint): bigint => ((value % prime) + prime) % prime;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = mod(base), rest = exponent; rest > 0n; rest >>= 1n, square = mod(square * square)) {
    if (rest & 1n) result = mod(result * square);
  }
  return result;
}

const inverse = (value: bigint): bigint => power(value, prime - 2n);
const d = mod(-121665n * inverse(121666n));
const rootOfMinusOne = power(2n, (prime - 1n) / 4n);

/** The x that goes with a y on -x² + y² = 1 + d·x²·y², or undefined. */
function recoverX(y: bigint): bigint | undefined {
  const square = mod((y * y - 1n) * inverse(d * y * y + 1n));
  const candidate = power(square, (prime + 3n) / 8n);
  for (const x of [candidate, mod(candidate * rootOfMinusOne)]) if (mod(x * x) === square) return x;
  return undefined;
}

function double([x, y]: readonly [bigint, bigint]): [bigint, bigint] {
  const product = mod(d * x * x * y * y);
  return [mod(2n * x * y * inverse(1n + product)), mod((y * y + x * x) * inverse(1n - product))];
}

test('every point whose order divides 8 is refused, whichever way it is written', () => {
  // Halving the identity three times gives them all: those y for which 8·P is the identity.
  const small = new Set<bigint>();
  const hex = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ];
  for (const each of hex) {
    const encoded = Buffer.from(each, 'hex');
    const y = mod(BigInt(`0x${Buffer.from(encoded).reverse().toString('hex')}`));
    const x = recoverX(y);
    assert.ok(x !== undefined, `${each} is on the curve`);
    assert.deepEqual(double(double(double([x, y]))), [0n, 1n], `8 times ${each} is the identity`);
    small.add(y);
    for (const sign of [0x00, 0x80]) {
      encoded[31] = ((encoded[31] as number) & 0x7f) | sign;
      assert.throws(() => createEd25519Verifier(encoded), { code: 'bad-key', message: /small order/ });
    }
  }
  // The eight points have five y coordinates: 1, -1, 0 (twice) and ±y of order 8 (four times).
  assert.equal(small.size, 5);
});

test('keys and signatures of other lengths are refused', () => {
  for (const bytes of [0, 31, 33, 64]) {
    assert.throws(() => createEd25519Verifier(Buffer.alloc(bytes, 9)), { code: 'bad-key' });
    assert.throws(() => ed25519FromSeed(Buffer.alloc(bytes)), { code: 'bad-key' });
  }
  const { publicKey } = ed25519FromSeed(Buffer.alloc(32, 1));
  assert.equal(createEd25519Verifier(publicKey)(Buffer.alloc(0), Buffer.alloc(63)), false);
});
