import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSecurityKeySignature } from './security-key.ts';
import { encodeSignature } from './signature.ts';

const tail = (flags: number, counter: number): Buffer => {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(flags, 0);
  bytes.writeUInt32BE(counter, 1);
  return bytes;
};

test('flags and counter of a signature are told', () => {
  const algorithm = 'sk-ssh-ed25519@openssh.com';
  const read = (flags: number) =>
    readSecurityKeySignature(encodeSignature(algorithm, Buffer.alloc(64), tail(flags, 7)));
  assert.deepEqual(read(5), { algorithm, flags: 5, counter: 7, userPresent: true, userVerified: true });
  assert.deepEqual(read(1), { algorithm, flags: 1, counter: 7, userPresent: true, userVerified: false });
  assert.equal(read(0)?.userPresent, false);
});

test('webauthn signatures have more behind them, other signatures nothing', () => {
  const algorithm = 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com';
  const rest = Buffer.concat([tail(0x81, 0xffffffff), Buffer.alloc(20)]);
  assert.equal(readSecurityKeySignature(encodeSignature(algorithm, Buffer.alloc(8), rest))?.counter, 0xffffffff);
  assert.equal(readSecurityKeySignature(encodeSignature('ssh-ed25519', Buffer.alloc(64))), undefined);
});

test('a cut one is an error', () => {
  const whole = encodeSignature('sk-ssh-ed25519@openssh.com', Buffer.alloc(64), tail(1, 1));
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => readSecurityKeySignature(whole.subarray(0, length)), { code: 'bad-key' }, String(length));
  }
});
