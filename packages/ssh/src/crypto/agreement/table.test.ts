import assert from 'node:assert/strict';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import test from 'node:test';
import { SshError } from '../../errors.ts';
import type { KeyAgreement } from '../key-agreement.ts';
import { agreements, findAgreement } from './table.ts';

/** Lengths of the two values, and of the secret where it is a string of fixed length. */
const shapes: Record<string, [initiator: number, responder: number, secret?: number]> = {
  'mlkem768x25519-sha256': [1184 + 32, 1088 + 32, 32],
  'sntrup761x25519-sha512': [1158 + 32, 1039 + 32, 64],
  'sntrup761x25519-sha512@openssh.com': [1158 + 32, 1039 + 32, 64],
  'curve25519-sha256': [32, 32],
  'curve25519-sha256@libssh.org': [32, 32],
  'ecdh-sha2-nistp256': [65, 65],
  'ecdh-sha2-nistp384': [97, 97],
  'ecdh-sha2-nistp521': [133, 133],
  'mlkem768nistp256-sha256': [1184 + 65, 1088 + 65, 32],
};

const isRefusal = (error: unknown) =>
  error instanceof SshError &&
  error.code === 'kex-failed' &&
  error.stage === 'kex' &&
  error.side === 'peer' &&
  error.disconnect === 3;

function isMinimalMpint(body: Buffer): boolean {
  if (body.length === 0 || body[0]! >= 0x80) return false;
  return body[0] !== 0 || (body.length > 1 && body[1]! >= 0x80);
}

test('the rows stand in order of preference, each once', () => {
  assert.deepEqual(
    agreements.map(({ name, hash }) => `${name} ${hash}`),
    [
      'mlkem768x25519-sha256 sha256',
      'sntrup761x25519-sha512 sha512',
      'sntrup761x25519-sha512@openssh.com sha512',
      'curve25519-sha256 sha256',
      'curve25519-sha256@libssh.org sha256',
      'ecdh-sha2-nistp256 sha256',
      'ecdh-sha2-nistp384 sha384',
      'ecdh-sha2-nistp521 sha512',
      'diffie-hellman-group16-sha512 sha512',
      'diffie-hellman-group18-sha512 sha512',
      'diffie-hellman-group14-sha256 sha256',
      'mlkem768nistp256-sha256 sha256',
      'diffie-hellman-group14-sha1 sha1',
      'diffie-hellman-group1-sha1 sha1',
    ],
  );
  for (const agreement of agreements) {
    assert.equal(findAgreement(agreement.name), agreement);
    assert.equal(agreement.finiteField === true, agreement.name.startsWith('diffie-hellman-'));
    assert.equal(agreement.legacy === true, agreement.hash === 'sha1');
    assert.equal(agreement.onRequest === true, agreement.name === 'mlkem768nistp256-sha256');
  }
  assert.equal(findAgreement('diffie-hellman-group-exchange-sha256'), undefined);
  assert.equal(findAgreement('toString'), undefined);
});

for (const agreement of agreements) {
  const isNumber = agreement.finiteField === true;
  const shape = shapes[agreement.name];

  test(`${agreement.name}: both ends have the same secret, each time another`, async () => {
    // Group 18 costs a quarter of a second a run on Node 20.
    const runs = agreement.name.includes('group18') ? 4 : 20;
    const secrets = new Set<string>();
    for (let run = 0; run < runs; run++) {
      const initiator = await agreement.start();
      const response = await agreement.respond(initiator.value);
      const secret = await initiator.finish(response.value);
      assert.deepEqual(secret, response.secret);
      secrets.add(secret.toString('hex'));
      if (shape !== undefined) assert.deepEqual([initiator.value.length, response.value.length], shape.slice(0, 2));
      if (shape?.[2] !== undefined) assert.equal(secret.length, shape[2]);
      else assert.ok(isMinimalMpint(secret));
      if (isNumber) assert.ok(isMinimalMpint(initiator.value) && isMinimalMpint(response.value));
    }
    assert.equal(secrets.size, runs);
  });

  test(`${agreement.name}: values of another length or form are refused`, async () => {
    const initiator = await agreement.start();
    const good = await agreement.respond(initiator.value);
    for (const change of isNumber ? badNumbers(good.value) : badLengths) {
      await assert.rejects(async () => agreement.respond(change(initiator.value)), isRefusal);
      await assert.rejects(async () => initiator.finish(change(good.value)), isRefusal);
    }
    // None of it spoilt the initiator.
    assert.deepEqual(await initiator.finish(good.value), good.secret);
  });

  test(`${agreement.name}: any bytes give a secret or a refusal`, async () => {
    const initiator = await agreement.start();
    const lengths = shape ?? [initiator.value.length, initiator.value.length];
    for (let run = 0; run < (isNumber ? 4 : 20); run++) {
      const exact = run % 2 === 0;
      await settlesCleanly(async () => {
        const { secret } = await agreement.respond(randomBytes(exact ? lengths[0] : randomInt(2000)));
        return secret;
      });
      await settlesCleanly(async () => initiator.finish(randomBytes(exact ? lengths[1] : randomInt(2000))));
    }
  });
}

async function settlesCleanly(run: () => Promise<Buffer>): Promise<void> {
  try {
    assert.ok((await run()).length > 0);
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

const badLengths: ((value: Buffer) => Buffer)[] = [
  () => Buffer.alloc(0),
  (value) => value.subarray(1),
  (value) => value.subarray(0, value.length - 1),
  (value) => Buffer.concat([value, Buffer.alloc(1)]),
  (value) => Buffer.concat([value, value]),
];

function badNumbers(value: Buffer): ((value: Buffer) => Buffer)[] {
  // Twice the length is above every prime of the group's size.
  return [
    () => Buffer.alloc(0),
    () => Buffer.of(0),
    () => Buffer.of(1),
    () => Buffer.of(0, 2),
    () => Buffer.of(0xff),
    () => Buffer.concat([Buffer.of(0x80), value]),
    () => Buffer.concat([Buffer.alloc(2), value]),
    () => Buffer.concat([Buffer.of(1), value, value]),
  ];
}

for (const [name, kemBytes] of [
  ['mlkem768x25519-sha256', 1088],
  ['sntrup761x25519-sha512', 1039],
] as const) {
  test(`${name}: a changed ciphertext gives another secret, not an error`, async () => {
    const agreement = findAgreement(name) as KeyAgreement;
    const initiator = await agreement.start();
    const response = await agreement.respond(initiator.value);
    const changed = Buffer.from(response.value);
    changed[3] = changed[3]! ^ 1;
    assert.notDeepEqual(await initiator.finish(changed), response.secret);
    const lowOrder = Buffer.concat([response.value.subarray(0, kemBytes), Buffer.alloc(32)]);
    await assert.rejects(async () => initiator.finish(lowOrder), isRefusal);
    const lowOrderStart = Buffer.concat([initiator.value.subarray(0, -32), Buffer.alloc(32)]);
    await assert.rejects(async () => agreement.respond(lowOrderStart), isRefusal);
  });
}

test('mlkem768: a public key past the modulus is refused', async () => {
  for (const name of ['mlkem768x25519-sha256', 'mlkem768nistp256-sha256']) {
    const agreement = findAgreement(name) as KeyAgreement;
    const { value } = await agreement.start();
    value[0] = 0xff;
    value[1] = value[1]! | 0x0f;
    await assert.rejects(async () => agreement.respond(value), isRefusal);
  }
});

test('hybrids hash the two secrets, the post-quantum one first, and keep leading zeros', async () => {
  const { hybridAgreement } = await import('./hybrid.ts');
  for (const first of [0x00, 0x7f, 0x80]) {
    const kemSecret = Buffer.alloc(32, 1);
    const curveSecret = Buffer.alloc(32, 2);
    kemSecret[0] = first;
    curveSecret[0] = first;
    const agreement = hybridAgreement(
      'test',
      'sha256',
      {
        label: 'KEM',
        publicKeyBytes: 1,
        ciphertextBytes: 2,
        generateKeyPair: () => ({ publicKey: Buffer.of(10), decapsulate: () => Buffer.from(kemSecret) }),
        encapsulate: () => ({ ciphertext: Buffer.of(11, 12), sharedSecret: Buffer.from(kemSecret) }),
      },
      {
        label: 'curve',
        publicKeyBytes: 1,
        generateKeyPair: () => ({ publicKey: Buffer.of(13), agree: () => Buffer.from(curveSecret) }),
      },
    );
    const expected = createHash('sha256').update(kemSecret).update(curveSecret).digest();
    const initiator = await agreement.start();
    assert.deepEqual(initiator.value, Buffer.of(10, 13));
    const response = await agreement.respond(initiator.value);
    assert.deepEqual(response, { value: Buffer.of(11, 12, 13), secret: expected });
    assert.deepEqual(await initiator.finish(response.value), expected);
  }
});
