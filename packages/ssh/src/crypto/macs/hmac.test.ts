import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { findMac, macs } from './table.ts';

// RFC 4231 and RFC 2202, cases 1 and 2. Their short keys are filled up with zeros, which HMAC does itself; the first four bytes of
// their data stand for the sequence number.
const cases = [
  {
    key: Buffer.alloc(20, 0x0b),
    data: 'Hi There',
    sha1: 'b617318655057264e28bc0b6fb378c8ef146be00',
    sha256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    sha512:
      '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  },
  {
    key: Buffer.from('Jefe'),
    data: 'what do ya want for nothing?',
    sha1: 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79',
    sha256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    sha512:
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  },
];

for (const mac of macs) {
  test(`${mac.name}: RFC vectors, whole and in parts`, () => {
    const hashName = mac.name.includes('512') ? 'sha512' : mac.name.includes('256') ? 'sha256' : 'sha1';
    for (const vector of cases) {
      const key = Buffer.alloc(mac.keyBytes);
      vector.key.copy(key);
      const data = Buffer.from(vector.data);
      const compute = mac.create(key);
      key.fill(0xff);
      const sequence = data.readUInt32BE(0);
      assert.equal(compute(sequence, data.subarray(4)).toString('hex'), vector[hashName]);
      assert.equal(compute(sequence, data.subarray(4, 5), data.subarray(5)).toString('hex'), vector[hashName]);
      assert.equal(mac.macBytes, vector[hashName].length / 2);
    }
  });
}

test('a key of another length is refused', () => {
  for (const mac of macs) {
    assert.throws(
      () => mac.create(Buffer.alloc(mac.keyBytes - 1)),
      (error) => error instanceof SshError && error.code === 'misuse',
    );
  }
});

test('the table: order, names, traits', () => {
  assert.deepEqual(
    macs.map((mac) => mac.name),
    [
      'hmac-sha2-256-etm@openssh.com',
      'hmac-sha2-512-etm@openssh.com',
      'hmac-sha2-256',
      'hmac-sha2-512',
      'hmac-sha1-etm@openssh.com',
      'hmac-sha1',
    ],
  );
  for (const mac of macs) {
    assert.equal(mac.etm, mac.name.endsWith('-etm@openssh.com'));
    assert.equal(mac.clientOnly, mac.name.includes('sha1') ? true : undefined);
    assert.equal(findMac(mac.name), mac);
  }
  assert.equal(findMac('hmac-md5'), undefined);
});
