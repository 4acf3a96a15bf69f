/** Fingerprints against what ssh-keygen printed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeBubbleBabble } from './fingerprint.ts';
import { bubbleBabble, fingerprint, formatFingerprintLine, parsePublicKey, randomArt, shortTypeName } from './index.ts';

const folder = fileURLToPath(new URL('../../../../test/vectors/keys/', import.meta.url));

for (const name of ['ed25519', 'rsa', 'ecdsa256', 'ecdsa384', 'ecdsa521']) {
  test(`the lines of ssh-keygen -l, -B and -v for ${name}`, () => {
    const { key, comment } = parsePublicKey(readFileSync(`${folder}${name}.pub`, 'utf8'));
    const lines = [
      formatFingerprintLine(key, comment),
      formatFingerprintLine(key, comment, 'md5'),
      `${key.bits} ${bubbleBabble(key)} ${comment} (${shortTypeName(key)})`,
      randomArt(key),
    ];
    assert.equal(`${lines.join('\n')}\n`, readFileSync(`${folder}${name}.lines`, 'utf8'));
  });
}

test('a certificate has the fingerprint of its key', () => {
  const { key } = parsePublicKey(readFileSync(`${folder}ed25519.pub`, 'utf8'));
  const { key: certificate } = parsePublicKey(readFileSync(`${folder}ed25519.cert`, 'utf8'));
  assert.equal(fingerprint(certificate), fingerprint(key));
  assert.equal(shortTypeName(certificate), 'ED25519-CERT');
});

test('bubble babble of the published examples', () => {
  assert.equal(encodeBubbleBabble(Buffer.alloc(0)), 'xexax');
  assert.equal(encodeBubbleBabble(Buffer.from('1234567890')), 'xesef-disof-gytuf-katof-movif-baxux');
  assert.equal(encodeBubbleBabble(Buffer.from('Pineapple')), 'xigak-nyryk-humil-bosek-sonax');
});
