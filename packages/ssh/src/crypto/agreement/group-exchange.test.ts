import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { SshError } from '../../errors.ts';
import { oakleyGroup } from './diffie-hellman-group.ts';
import { bitLength, requireGroup, respondGroup, startGroup } from './group-exchange.ts';
import { chooseGroup, parseModuli } from './moduli.ts';
import { encodeMpintBody } from './mpint.ts';

const isRefusal = (error: unknown) =>
  error instanceof SshError && error.code === 'kex-failed' && error.disconnect === 3;

const moduliText = readFileSync(new URL('../../../../../test/vectors/moduli', import.meta.url), 'utf8');
const moduli = parseModuli(moduliText);
const two = Buffer.of(2);

test('both ends of a group exchange have the same secret', () => {
  for (const { prime, generator } of [...moduli, oakleyGroup(16)]) {
    const [p, g] = [prime, generator];
    for (let run = 0; run < 3; run++) {
      const initiator = startGroup(p, g);
      const response = respondGroup(p, g, initiator.value);
      assert.deepEqual(initiator.finish(response.value), response.secret);
    }
    assert.throws(() => respondGroup(p, g, Buffer.of(1)), isRefusal);
    assert.throws(() => startGroup(p, g).finish(encodeMpintBody(p)), isRefusal);
  }
});

test('groups of other sizes, even ones and idle generators are refused', () => {
  const { prime } = oakleyGroup(14);
  assert.equal(requireGroup(prime, two).prime.length, 256);
  assert.deepEqual(requireGroup(encodeMpintBody(prime), Buffer.of(0, 2)), { prime, generator: two });
  assert.throws(() => requireGroup(oakleyGroup(2).prime, two), isRefusal);
  assert.throws(() => requireGroup(prime, two, { minBits: 3072, maxBits: 8192 }), isRefusal);
  assert.throws(() => requireGroup(oakleyGroup(16).prime, two, { minBits: 2048, maxBits: 4095 }), isRefusal);
  assert.throws(() => requireGroup(Buffer.alloc(1025, 0xff), two), isRefusal);
  const even = Buffer.from(prime);
  even[even.length - 1] = 0xfe;
  assert.throws(() => requireGroup(even, two), isRefusal);
  const lessOne = Buffer.from(even);
  for (const generator of [Buffer.alloc(0), Buffer.of(0), Buffer.of(1), lessOne, prime, Buffer.concat([prime, two])]) {
    assert.throws(() => requireGroup(prime, generator), isRefusal);
  }
  for (const bad of [Buffer.alloc(0), Buffer.alloc(256), prime.subarray(1), Buffer.alloc(100_000, 0xff)]) {
    assert.throws(() => requireGroup(bad, two), isRefusal);
  }
});

test('a group made of anything gives a share or a refusal', () => {
  for (let run = 0; run < 40; run++) {
    const p = randomBytes(256);
    p[0] = p[0]! | 0x80;
    p[255] = p[255]! | 1;
    const initiator = startGroup(p, randomBytes(1 + (run % 200)).fill(2, 0, 1));
    try {
      assert.ok((initiator.finish(encodeMpintBody(randomBytes(250).fill(3, 0, 1))) as Buffer).length > 0);
    } catch (error) {
      assert.ok(isRefusal(error));
    }
  }
  // Powers of 3 modulo a power of 3 are all 0.
  const power = (3n ** 1300n).toString(16);
  const p = Buffer.from(power.length % 2 === 0 ? power : `0${power}`, 'hex');
  assert.throws(() => startGroup(p, Buffer.of(3)), isRefusal);
});

test('a moduli file gives its usable lines', () => {
  assert.deepEqual(
    moduli.map(({ bits }) => bits),
    [2048, 2048, 3072],
  );
  for (const { prime, generator, bits } of moduli) {
    assert.equal(bitLength(prime), bits);
    assert.ok(generator[0] === 2 || generator[0] === 5);
  }
});

test('lines that sshd would pass over are passed over', () => {
  const line = moduliText.split('\n').find((text) => !text.startsWith('#')) as string;
  const fields = line.split(' ');
  const change = (at: number, value: string) => fields.map((field, i) => (i === at ? value : field)).join(' ');
  assert.equal(parseModuli(line).length, 1);
  assert.equal(parseModuli(`${line}\r\n  ${line.replaceAll(' ', '\t')}\n\n`).length, 2);
  const bad = [
    change(1, '4'),
    change(1, '0'),
    change(2, '7'),
    change(2, '0'),
    change(2, 'x'),
    change(3, '0'),
    change(3, '-1'),
    change(4, '2048'),
    change(4, '1e3'),
    change(4, ''),
    change(5, '1'),
    change(5, '0'),
    change(5, 'FFFF'),
    change(5, 'g'),
    change(6, `${(fields[6] as string).slice(0, -1)}E`),
    change(6, `${fields[6]}0`),
    change(6, `Z${(fields[6] as string).slice(1)}`),
    change(6, 'F'.repeat(5000)),
    `${line} more`,
    `#${line}`,
    fields.slice(0, 6).join(' '),
    '',
    '\0',
  ];
  for (const text of bad) assert.deepEqual(parseModuli(text), [], text.slice(0, 40));
  assert.equal(parseModuli([...bad, line].join('\n')).length, 1);
  // A group of 1024 bits is no use, however good the prime.
  const small = `20220101000000 2 6 100 1023 2 ${oakleyGroup(2).prime.toString('hex')}`;
  assert.deepEqual(parseModuli(small), []);
});

test('the group is the smallest that is large enough, else the largest, at random among equals', () => {
  const size = (min: number, preferred: number, max: number) =>
    bitLength(chooseGroup(moduli, min, preferred, max).prime);
  assert.equal(size(2048, 2048, 8192), 2048);
  assert.equal(size(2048, 3072, 8192), 3072);
  assert.equal(size(2048, 2049, 8192), 3072);
  assert.equal(size(2048, 8192, 8192), 3072);
  assert.equal(size(1024, 1024, 8192), 2048);
  assert.equal(size(2048, 2500, 2500), 2048);
});

test('without a file, or where it has nothing that fits, the built-in groups serve', () => {
  const size = (min: number, preferred: number, max: number) => bitLength(chooseGroup([], min, preferred, max).prime);
  assert.equal(size(2048, 2048, 8192), 2048);
  assert.equal(size(2048, 3072, 8192), 4096);
  assert.equal(size(2048, 3072, 4000), 2048);
  assert.equal(size(2048, 7680, 8192), 8192);
  assert.equal(bitLength(chooseGroup(moduli, 4096, 4096, 8192).prime), 4096);
});

test('requests that contradict themselves or fit nothing are refused', () => {
  for (const [min, preferred, max] of [
    [4096, 2048, 8192],
    [2048, 8192, 4096],
    [8192, 8192, 2048],
    [1024, 1024, 1024],
    [16384, 16384, 16384],
    [2500, 2600, 2700],
    [0, 0, 0],
  ] as const) {
    assert.throws(() => chooseGroup(moduli, min, preferred, max), isRefusal, `${min} ${preferred} ${max}`);
  }
});

test('every group of the chosen size has its turn', () => {
  const bounds: number[] = [];
  const chosen = [0, 1].map((turn) =>
    chooseGroup(moduli, 2048, 2048, 8192, (bound) => {
      bounds.push(bound);
      return turn;
    }),
  );
  assert.deepEqual(bounds, [2, 2]);
  assert.notDeepEqual(chosen[0]?.prime, chosen[1]?.prime);
  const random = chooseGroup(moduli, 2048, 2048, 8192);
  assert.ok(chosen.some(({ prime }) => prime.equals(random.prime)));
});
