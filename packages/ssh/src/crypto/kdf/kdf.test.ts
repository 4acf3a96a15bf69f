import assert from 'node:assert/strict';
import test from 'node:test';
import { SshError, type SshErrorCode } from '../../errors.ts';
import { maxArgon2Lanes, maxArgon2MemoryKib, maxArgon2Passes, maxKdfRounds } from '../../limits.ts';
import { type Argon2Options, type Argon2Variant, argon2, hasNativeArgon2, packagedArgon2 } from './argon2.ts';
import { bcryptPbkdf } from './bcrypt.ts';

const fails = (code: SshErrorCode) => (error: unknown) =>
  error instanceof SshError && error.code === code && error.stage === 'key' && error.side === 'local';

const text = (value: string) => Buffer.from(value, 'latin1');

test('bcrypt_pbkdf gives the answers of its reference', async () => {
  const answers: [number, string, string, string][] = [
    [4, 'password', 'salt', '5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9'],
    [4, 'password', '\0', 'c12b566235eee04c212598970a579a67'],
    [4, '\0', 'salt', '6051be18c2f4f82cbf0efee5471b4bb9'],
    [
      8,
      'password',
      'salt',
      'e1367ec5151a33faac4cc1c144cd23fa15d5548493ecc99b9b5d9c0d3b27bec76227ea66088b849b20ab7aa478010246e74bba51723fefa9f9474d6508845e8d',
    ],
  ];
  for (const [rounds, passphrase, salt, key] of answers) {
    const derived = await bcryptPbkdf(text(passphrase), text(salt), rounds, key.length / 2);
    assert.equal(derived.toString('hex'), key);
  }
});

test('bcrypt_pbkdf runs beside the main thread and leaves no thread behind', async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name.includes('Port') || name.includes('Worker'));
  let ticks = 0;
  const clock = setInterval(() => ticks++, 5);
  await bcryptPbkdf(text('password'), text('0123456789abcdef'), 12, 48);
  clearInterval(clock);
  assert.ok(ticks >= 5, `the event loop turned ${ticks} times`);
  const after = process.getActiveResourcesInfo().filter((name) => name.includes('Port') || name.includes('Worker'));
  assert.deepEqual(after, before);
});

test('bcrypt_pbkdf refuses parameters past its limits, and an empty passphrase, before any work', async () => {
  const salt = Buffer.alloc(16);
  for (const [rounds, saltBytes, keyBytes] of [
    [0, 16, 48],
    [-1, 16, 48],
    [1.5, 16, 48],
    [Number.NaN, 16, 48],
    [maxKdfRounds + 1, 16, 48],
    [2 ** 32 - 1, 16, 48],
    [16, 0, 48],
    [16, 100_000, 48],
    [16, 16, 0],
    [16, 16, 1025],
  ] as const) {
    await assert.rejects(
      bcryptPbkdf(text('x'), Buffer.alloc(saltBytes), rounds, keyBytes),
      fails('limit-exceeded'),
      `${rounds} ${saltBytes} ${keyBytes}`,
    );
  }
  await assert.rejects(bcryptPbkdf(Buffer.alloc(0), salt, 16, 48), fails('bad-passphrase'));
});

test('an aborted derivation ends at once', async () => {
  const started = Date.now();
  const controller = new AbortController();
  const derivation = bcryptPbkdf(text('x'), Buffer.alloc(16), maxKdfRounds, 48, { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(derivation, fails('aborted'));
  assert.ok(Date.now() - started < 5000);
  const options = { memoryKib: 1024, passes: 1, lanes: 1, keyBytes: 32, signal: AbortSignal.abort() };
  await assert.rejects(bcryptPbkdf(text('x'), Buffer.alloc(16), 1, 48, options), fails('aborted'));
  await assert.rejects(argon2('argon2id', text('x'), Buffer.alloc(16), options), fails('aborted'));
  await assert.rejects(packagedArgon2('argon2id', text('x'), Buffer.alloc(16), options), fails('aborted'));
});

const rfcAnswers: [Argon2Variant, string][] = [
  ['argon2d', '512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb'],
  ['argon2i', 'c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8'],
  ['argon2id', '0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659'],
];

for (const [variant, answer] of rfcAnswers) {
  test(`${variant} gives the answer of RFC 9106 §5, by Node and by the package`, async () => {
    const options: Argon2Options = {
      memoryKib: 32,
      passes: 3,
      lanes: 4,
      keyBytes: 32,
      secret: Buffer.alloc(8, 3),
      data: Buffer.alloc(12, 4),
    };
    for (const derive of [argon2, packagedArgon2]) {
      const key = await derive(variant, Buffer.alloc(32, 1), Buffer.alloc(16, 2), options);
      assert.equal(key.toString('hex'), answer);
    }
  });
}

test('Node and the package agree without secret and data, at the sizes PuTTY uses', async (context) => {
  if (!hasNativeArgon2()) {
    context.skip('this Node has no Argon2 of its own to compare with');
    return;
  }
  for (const password of [text('correct horse'), Buffer.alloc(0)]) {
    const options = { memoryKib: 8192, passes: 2, lanes: 1, keyBytes: 80 };
    const salt = Buffer.alloc(16, 7);
    assert.deepEqual(
      await argon2('argon2id', password, salt, options),
      await packagedArgon2('argon2id', password, salt, options),
    );
  }
});

test('Argon2 refuses parameters past its limits before any work', async () => {
  const good: Argon2Options = { memoryKib: 8192, passes: 2, lanes: 1, keyBytes: 80 };
  const bad: Partial<Argon2Options>[] = [
    { memoryKib: maxArgon2MemoryKib + 1 },
    { memoryKib: 7 },
    { memoryKib: 16, lanes: 3 },
    { passes: 0 },
    { passes: maxArgon2Passes + 1 },
    { lanes: 0 },
    { lanes: maxArgon2Lanes + 1 },
    { keyBytes: 3 },
    { keyBytes: 2 ** 31 },
    { passes: Number.NaN },
  ];
  for (const change of bad) {
    for (const derive of [argon2, packagedArgon2]) {
      await assert.rejects(
        derive('argon2id', text('x'), Buffer.alloc(16), { ...good, ...change }),
        fails('limit-exceeded'),
        JSON.stringify(change),
      );
    }
  }
  await assert.rejects(argon2('argon2id', text('x'), Buffer.alloc(7), good), fails('limit-exceeded'));
});
