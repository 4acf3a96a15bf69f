import assert from 'node:assert/strict';
import { checkPrimeSync, generatePrimeSync } from 'node:crypto';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { formatModuliLine, type ModuliLine, parseModuliLine } from './line.ts';
import { screenModulus } from './screen.ts';
import { sieveModuli } from './sieve.ts';

const nowMs = Date.UTC(2026, 10, 22, 20, 22, 10);
const safe = generatePrimeSync(512, { safe: true, bigint: true, add: 24n, rem: 11n });

function candidate(modulus: bigint, changes: Partial<ModuliLine> = {}): ModuliLine {
  const size = modulus.toString(2).length - 1;
  return { time: '20261122202210', type: 4, tests: 2, tries: 99, size, generator: 0, modulus, ...changes };
}

test('lines come back as they were, byte for byte', () => {
  const text = `20261122202210 4 2 203277289 510 0 6F${'1D'.repeat(63)}\n`;
  const line = parseModuliLine(text);
  assert.ok(line);
  assert.equal(formatModuliLine(line), text);
  assert.deepEqual([line.type, line.tests, line.tries, line.size, line.generator], [4, 2, 203277289, 510, 0]);
  // A digit that is alone gets a zero in front, as OpenSSL prints whole bytes.
  assert.match(formatModuliLine({ ...line, modulus: 0xabcn, generator: 11 }), / b 0ABC\n$/);
});

test('comments are passed over, and what is no line is an error that shows it', () => {
  for (const text of ['', '# a comment that is long', '! another such comment', 'short']) {
    assert.equal(parseModuliLine(text), undefined);
  }
  for (const text of [
    'garbage garbage garbage',
    '20261122202210 4 2 1 510 0',
    '20261122202210 4 2 1 510 0 xyz',
    '20261122202210 4 2 1 510 0 AB CD',
    '20261122202210 -4 2 1 510 0 AB',
    '20261122202210 4 2 1 9999999999999999999999 0 AB',
    `20261122202210 4 2 1 510 0 ${'A'.repeat(20_000)}`,
  ]) {
    assert.throws(() => parseModuliLine(text), SshError, text.slice(0, 60));
  }
});

test('a safe prime passes, from its half and from itself', async () => {
  const verdict = await screenModulus(candidate(safe >> 1n), { nowMs, trials: 8 });
  assert.equal(verdict.kind, 'safe');
  if (verdict.kind !== 'safe') return;
  assert.deepEqual(verdict.line, {
    time: '20261122202210',
    type: 2,
    tests: 6,
    tries: 8,
    size: 511,
    generator: 2,
    modulus: safe,
  });
  const again = await screenModulus(verdict.line, { nowMs, trials: 4 });
  assert.equal(again.kind === 'safe' && again.line.tries, 12);
});

test('composites fall, whichever half is one', async () => {
  const prime = generatePrimeSync(511, { bigint: true, add: 4n, rem: 1n });
  const kinds = [];
  for (const q of [(safe >> 1n) + 12n, prime]) {
    if (checkPrimeSync(q) && checkPrimeSync(2n * q + 1n)) continue;
    kinds.push((await screenModulus(candidate(q), { nowMs })).kind);
  }
  assert.ok(kinds.every((kind) => kind !== 'safe'));
});

test('what is not worth a test is skipped', async () => {
  const line = candidate(safe >> 1n);
  const skip = async (changes: Partial<ModuliLine>, options: { generator?: number } = {}): Promise<string> => {
    const verdict = await screenModulus({ ...line, ...changes }, { nowMs, ...options });
    assert.equal(verdict.kind, 'skipped');
    return verdict.kind === 'skipped' ? verdict.reason : '';
  };
  assert.match(await skip({ tests: 3 }), /composite/);
  assert.match(await skip({ size: 509 }), /size|bits/);
  assert.match(await skip({ size: 511 }), /size/);
  assert.match(await skip({ size: 100_000 }), /bits/);
  assert.match(await skip({ type: 77 }), /type/);
  assert.match(await skip({}, { generator: 5 }), /generator 2, not 5/);
  await assert.rejects(screenModulus(line, { nowMs, trials: 3 }), { code: 'misuse' });
});

test('a sieve keeps a safe prime and strikes what has a small factor', () => {
  const factorLimit = 50_000;
  const start = (safe >> 1n) - 2000n;
  const sieve = sieveModuli(512, { start, factorLimit });
  const left = [...sieve.candidates(nowMs)].map(({ modulus }) => modulus);
  assert.ok(left.includes(safe >> 1n));
  assert.equal(sieve.primes, 5132);
  const primes = [3n, 5n, 7n, 101n, 49_999n];
  for (const q of left) {
    for (const prime of primes) assert.ok(q % prime !== 0n && (2n * q + 1n) % prime !== 0n, `${q} ${prime}`);
  }
  // And strikes nothing else: by trial division over the first numbers.
  const all = new Set(left);
  const small = Array.from({ length: factorLimit / 2 - 1 }, (_, at) => BigInt(2 * at + 3));
  for (let q = start | 1n; q < start + 400n; q += 2n) {
    const p = 2n * q + 1n;
    assert.equal(
      all.has(q),
      small.every((factor) => q % factor !== 0n && p % factor !== 0n),
      String(q - start),
    );
  }
});

test('sizes out of bounds are refused', () => {
  assert.throws(() => sieveModuli(511), { code: 'misuse' });
  assert.throws(() => sieveModuli(65_537), { code: 'misuse' });
  assert.throws(() => sieveModuli(512, { memoryMib: 128 }), { code: 'misuse' });
  assert.throws(() => sieveModuli(512, { factorLimit: 2 }), { code: 'misuse' });
});
