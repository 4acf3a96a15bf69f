/** Look-ups in a whole file: as quick as they are, they find what a look at every line finds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHostSalt, HostHasher, hashHostName } from '../crypto/hashed-host.ts';
import { publicKeyAlgorithms } from '../keys/key-types/table.ts';
import { formatHashedHost } from './edit-known-hosts.ts';
import { publicKeyTexts } from './fixtures.test.data.ts';
import { HostMatcher, isHashedHost } from './host-matcher.ts';
import { isKeyTypeName } from './key-type-names.ts';
import { findHostEntries, parseKnownHosts } from './known-hosts.ts';

const { host: key, rsa } = publicKeyTexts;
const names = ['a', 'a.example', 'b', '[a.example]:2222', 'A.example', 'ä.example', '', '192.0.2.1', '*'];

test('a file gives the entries that its lines give one by one', () => {
  const hashed = ['a', 'a.example', 'b', '[a.example]:2222'].map(formatHashedHost);
  const pieces = ['a', 'b', '.', 'example', 'EXAMPLE', 'ä', ',', '*', '?', '!', '|', '[a.example]:2222', '192.0.2.1'];
  const spaces = [' ', '\t', '\n', '\n\n', '\r\n', '\u00a0', '\v', '#', '@revoked ', '@cert-authority ', '@x '];
  const unit = fc.constantFrom(...pieces, ...spaces, ...hashed, ` ${key}`, ` ${key}\n`, ` ${rsa}\n`, ` ${rsa} a b\n`);
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), fc.constantFrom(...names), (text, name) => {
      const file = parseKnownHosts(text, { name: 'file' });
      const matcher = new HostMatcher(name.toLowerCase());
      const expected = file.entries.filter((entry) => matcher.matches(entry.hosts)).map(({ line }) => line);
      for (const content of [text, Buffer.from(text)]) {
        const found = findHostEntries([parseKnownHosts(content, { name: 'file' })], name);
        assert.deepEqual(
          found.map(({ line }) => line),
          expected,
        );
        assert.deepEqual(
          found.map((entry) => entry.text),
          found.map(({ line }) => file.lines[line - 1]),
        );
      }
    }),
    { numRuns: 2000 },
  );
});

test('lines that cannot match are passed over', () => {
  const lines = [
    '# a',
    '',
    'b ssh-rsa a',
    `${formatHashedHost('b')} ssh-rsa a`,
    ' aa.example x',
    '*.a x',
    'A x',
    'a x',
    'a',
  ];
  const candidates = [...new HostMatcher('a').candidates(lines.join('\n'))];
  assert.deepEqual(
    candidates.map(({ number }) => number),
    [5, 6, 7, 8, 9],
  );
});

test('both ways to hash a name under a salt give the same', () => {
  for (const name of ['', 'a', 'ä.example', 'x'.repeat(200)]) {
    const hasher = new HostHasher(name);
    for (let round = 0; round < 20; round++) {
      const salt = createHostSalt();
      const text = salt.toString('base64');
      const expected = hashHostName(salt, name).toString('base64');
      assert.equal(hasher.hash(text), expected);
      assert.equal(hasher.hashPlainly(text), expected);
    }
  }
  const hasher = new HostHasher('a');
  for (const salt of ['', 'AAAA', 'A'.repeat(28), '!'.repeat(28), `${'A'.repeat(40)}=`])
    assert.equal(hasher.hash(salt), undefined);
});

test('a hash is compared to its last bit, and a salt has one spelling', () => {
  const hosts = formatHashedHost('a.example');
  assert.equal(new HostMatcher('a.example').matches(hosts), true);
  assert.equal(new HostMatcher('b.example').matches(hosts), false);
  const other = hosts.endsWith('A=') ? 'E' : 'A';
  assert.equal(new HostMatcher('a.example').matches(`${hosts.slice(0, -2)}${other}=`), false);
  // Bits behind the last byte that base64 decoders drop.
  const spelt = hosts.replace(/(.)=\|/, (_, letter: string) => `${String.fromCharCode(letter.charCodeAt(0) + 1)}=|`);
  assert.equal(isHashedHost(spelt), false);
});

test('every key type that has a table row may stand in a line', () => {
  for (const { name, keyType } of publicKeyAlgorithms) {
    assert.ok(isKeyTypeName(name) && isKeyTypeName(keyType), name);
  }
  for (const name of ['', 'rsa', 'ssh-dss', 'SSH-RSA', 'constructor']) assert.equal(isKeyTypeName(name), false, name);
});
