import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKey } from '@nacre/ssh/keys';
import { HostSigning } from './host-signing.ts';

const algorithm = 'ssh-ed25519';
const hash = (fill: number) => Buffer.alloc(32, fill);

function proofOf(sessionId: Buffer, name = 'hostkeys-prove-00@openssh.com'): Buffer {
  const parts = [Buffer.from(name), sessionId, Buffer.from('a key')];
  return Buffer.concat(parts.flatMap((part) => [Buffer.from([0, 0, 0, part.length]), part]));
}

test('one exchange before login, further ones and proofs of this session after it', async () => {
  const signer = await generateKey('ssh-ed25519');
  const signing = new HostSigning([{ signer }]);
  const sign = (data: Buffer) => signing.sign({ id: 1, key: 0, algorithm, data });
  await assert.rejects(sign(proofOf(hash(1))), { code: 'misuse' });
  assert.equal(signer.publicKey.verify(hash(1), await sign(hash(1)), algorithm), true);
  assert.deepEqual(signing.sessionId, hash(1));
  // A second session of the same client's would have an id that nobody checked.
  await assert.rejects(sign(hash(2)), { code: 'misuse' });
  await assert.rejects(sign(proofOf(hash(1))), { code: 'misuse' });
  signing.loggedIn();
  assert.equal(signer.publicKey.verify(hash(2), await sign(hash(2)), algorithm), true);
  await sign(proofOf(hash(1)));
  assert.deepEqual(signing.sessionId, hash(1));
  for (const wrong of [
    proofOf(hash(3)),
    proofOf(hash(1), 'another-name@openssh.com'),
    Buffer.alloc(0),
    Buffer.alloc(31),
    Buffer.alloc(500),
  ]) {
    await assert.rejects(sign(wrong), { code: 'misuse' }, wrong.toString('hex'));
  }
  await assert.rejects(signing.sign({ id: 1, key: 1, algorithm, data: hash(1) }), { code: 'misuse' });
});
