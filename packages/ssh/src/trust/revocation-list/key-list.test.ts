/** Revoked keys in text form, and the one way in for both forms. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { WireWriter } from '../../wire/index.ts';
import { certificateTexts, publicKeyTexts } from '../fixtures.test.data.ts';
import { parseRevocationList, RevocationListDraft } from './index.ts';
import { alice, bob, ca, keyOf, rsa } from './lists.test.kit.ts';

const parse = (text: string | Uint8Array) => parseRevocationList(Buffer.from(text), { name: 'revoked' });
const certificate = keyOf(certificateTexts.user);

test('keys, one a line; comments, empty lines and blanks around', () => {
  const list = parse(
    `# revoked\n\n  ${publicKeyTexts.alice} alice@host\r\n\t${publicKeyTexts.rsa}\n#${publicKeyTexts.bob}`,
  );
  assert.deepEqual(list.revokes(alice), { by: 'key', of: 'key' });
  assert.deepEqual(list.revokes(rsa), { by: 'key', of: 'key' });
  assert.equal(list.revokes(bob), undefined);
  assert.deepEqual(list.revokes(certificate), { by: 'key', of: 'key' });
  assert.deepEqual(parse(publicKeyTexts.ca).revokes(certificate), { by: 'key', of: 'authority' });
  assert.equal(parse('').revokes(alice), undefined);
});

test('a certificate on a line revokes its subject’s key', () => {
  const list = parse(`${certificateTexts.user}\n`);
  assert.equal(list.revokes(alice)?.by, 'key');
  assert.equal(list.revokes(ca), undefined);
});

test('a line that is no key refuses the file, and says which', () => {
  const [type, blob = ''] = publicKeyTexts.alice.split(' ');
  const wrong = [
    'nonsense',
    `${type}`,
    `${type} ${blob.slice(0, -4)}`,
    `${type} ${blob}!`,
    `ssh-rsa ${blob}`,
    `restrict ${publicKeyTexts.alice}`,
    `${publicKeyTexts.alice}\0`,
    'SSHKRL',
  ];
  for (const line of wrong) {
    const text = `${publicKeyTexts.bob}\n${line}\n`;
    assert.throws(
      () => parse(text),
      (error) => error instanceof SshError && error.code === 'bad-file' && /^revoked line 2: /.test(error.message),
      line,
    );
  }
});

test('a whole key that is of no use here may stand in the file', () => {
  const dsa = new WireWriter().string('ssh-dss').string('p').string('q').string('g').string('y').finish();
  const short = new WireWriter()
    .string('ssh-rsa')
    .mpint(Buffer.from([3]))
    .mpint(Buffer.alloc(96, 0x81))
    .finish();
  const lines = [`ssh-dss ${dsa.toString('base64')}`, `ssh-rsa ${short.toString('base64')}`, publicKeyTexts.alice];
  assert.equal(parse(lines.join('\n')).revokes(alice)?.by, 'key');
  assert.throws(() => parse(`ssh-rsa ${short.subarray(0, -1).toString('base64')}`), SshError);
});

test('one way in for lists and texts', () => {
  const draft = new RevocationListDraft();
  draft.revoke(alice);
  const bytes = draft.encode({ generatedAt: 1n });
  assert.equal(parse(bytes).revokes(alice)?.by, 'key');
  assert.throws(() => parse(bytes.subarray(0, 20)), SshError);
  assert.throws(() => parse(bytes.subarray(0, 7)), SshError);
});
