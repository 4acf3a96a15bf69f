import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type DigestName, deriveKey, hash, hmac, type KeyLetter, streamedHash, timingSafeEqual } from './hash.ts';
import type { HashName } from './key-agreement.ts';

test('hash: the vectors for "abc", one-shot, in parts and streamed', () => {
  const vectors: [DigestName, string][] = [
    ['md5', '900150983cd24fb0d6963f7d28e17f72'],
    ['sha1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['sha256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['sha384', 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7'],
    [
      'sha512',
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    ],
  ];
  for (const [name, expected] of vectors) {
    assert.equal(hash(name, Buffer.from('abc')).toString('hex'), expected);
    assert.equal(hash(name, Buffer.from('a'), new Uint8Array(0), Buffer.from('bc')).toString('hex'), expected);
    assert.equal(streamedHash(name, [Buffer.from('abc')]).toString('hex'), expected);
  }
  assert.deepEqual(hash('sha256'), hash('sha256', Buffer.alloc(0)));
});

test('hmac: RFC 4231 case 2, with bytes and with a KeyObject', () => {
  const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
  const key = Buffer.from('Jefe');
  assert.equal(hmac('sha256', key, Buffer.from('what do ya want for nothing?')).toString('hex'), expected);
  const parts = [Buffer.from('what do ya want '), Buffer.from('for nothing?')];
  assert.equal(hmac('sha256', createSecretKey(key), ...parts).toString('hex'), expected);
});

test('timingSafeEqual: as equal() for any bytes and lengths', () => {
  const bytes = fc.uint8Array({ maxLength: 4, max: 2 });
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      assert.equal(timingSafeEqual(a, b), Buffer.from(a).equals(b));
      assert.ok(timingSafeEqual(a, Buffer.from(a)));
    }),
  );
});

test('deriveKey: computed independently with Python hashlib after RFC 4253 §7.2', () => {
  const secret = Buffer.from('00000003010203', 'hex');
  const exchangeHash = hash('sha256', Buffer.from('exchange hash 0'));
  const sessionId = hash('sha256', Buffer.from('session id 0'));
  const vectors: [HashName, KeyLetter, string][] = [
    ['sha256', 'A', '78de6caca11b8046cbdf9151fab229c7'],
    [
      'sha256',
      'C',
      'de8e532231c944d41241116e8f7485ea3d7702735a5b86ba30741ce22ad86d38be7f733c1f6babcb267c2ade1c59ed15b81db597029b0d15483804ba7b2ed916',
    ],
    ['sha1', 'E', '024ab7f998623a19cd39d0fffd4a93c41c305a0dc89a4ba36b574fc33e7bf38d'],
    [
      'sha512',
      'F',
      '85e6f0eb4a3954d818db143614a95d34d22c7808e1f6ab5baef3ed1323834e4b505531ce8eed9366b1352c57a52ecf6476160539a9606c1155d188bedc504fa6ed344affba87c9c4c093f693ef4e6d2d45d5f880e1b13784f73903974527da5bd05b8e86c8bd9f82226ef2dbf9a56afe08ea89e94e017b26b2fb9a19356cf671449fd8d711b519279f6cc8cbcdc70726fd5534e0b511ccd730e3eb8a03a3ebdaa039313bfd8659142f211f970f8eb6fcf378a7a622c40170a0309e74610d08bb5fe03620efb25704',
    ],
  ];
  for (const [name, letter, expected] of vectors) {
    for (const byteCount of [0, 1, expected.length / 2]) {
      const key = deriveKey(name, secret, exchangeHash, letter, sessionId, byteCount);
      assert.equal(key.toString('hex'), expected.slice(0, byteCount * 2));
    }
  }
});
