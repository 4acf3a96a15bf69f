/** known_hosts: parsing, verdicts, edits, and the flaws that others had. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { parsePublicKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { checkHostKey, hasHostAuthority, knownKeyTypes } from './check-host-key.ts';
import { addHost, removeHost } from './edit-known-hosts.ts';
import { certificateTexts, publicKeyTexts } from './fixtures.test.data.ts';
import { findHostEntries, type KnownHosts, parseKnownHosts } from './known-hosts.ts';

const { alice, bob, ca, otherCa, host, rsa } = publicKeyTexts;
const keyOf = (text: string): PublicKey => parsePublicKey(text).key;
const parse = (text: string): KnownHosts => parseKnownHosts(text, { name: 'known_hosts' });
const check = (
  text: string,
  name: string,
  port: number,
  key: PublicKey,
  more: { alias?: string; address?: string } = {},
) => checkHostKey([parse(text)], { host: name, port, key, ...more });

test('lines are kept, good ones read, bad ones reported and skipped', () => {
  const text = `# a comment\n\nexample.com ${host} the comment here\r\n@bogus example.com ${host}\nexample.com\n${''}`;
  const file = parse(text);
  assert.equal(file.lines.join('\n'), text);
  assert.equal(file.entries.length, 1);
  const [entry] = file.entries;
  assert.deepEqual(
    [entry?.line, entry?.hosts, entry?.keyType, entry?.comment, entry?.marker],
    [3, 'example.com', 'ssh-ed25519', 'the comment here', undefined],
  );
  assert.equal(entry?.decodeKey().equals(keyOf(host)), true);
  assert.deepEqual(
    file.problems.map(({ line, reason }) => [line, reason]),
    [
      [4, 'the marker "@bogus" is unknown'],
      [5, 'expected a key type and a key in base64'],
    ],
  );
});

test('a line whose declared type is not that of its blob is refused', () => {
  const blob = host.split(' ')[1] ?? '';
  const file = parse(`example.com ssh-rsa ${blob}\nexample.com ssh-ed2551 ${blob}\nexample.com ssh-ed25519x ${blob}\n`);
  assert.equal(file.entries.length, 0);
  assert.deepEqual(
    file.problems.map(({ line }) => line),
    [1, 2, 3],
  );
  assert.equal(checkHostKey([file], { host: 'example.com', port: 22, key: keyOf(host) }).status, 'unknown');
});

test('other malformed lines are reported', () => {
  const lines = [
    `@cert-authority @revoked example.com ${host}`,
    `@revoked`,
    `|1|abc|def ${host}`,
    `|2|${'A'.repeat(27)}=|${'A'.repeat(27)}= ${host}`,
    'example.com 1024 35 1234567890',
    'example.com ssh-ed25519 !!!!',
    'example.com ssh-ed25519 AAAA',
    `@cert-authority * ${certificateTexts.user}`,
    `example.com ${host}\0`,
    `example.com ${host} ${'x'.repeat(70_000)}`,
  ];
  const file = parse(lines.join('\n'));
  assert.equal(file.entries.length, 0);
  assert.equal(file.problems.length, lines.length);
});

test('only the exact key is trusted; a host with other keys has changed, whatever their type', () => {
  const text = `example.com,192.0.2.1 ${host}\nexample.com ${rsa}\n`;
  assert.equal(check(text, 'example.com', 22, keyOf(host)).status, 'trusted');
  assert.equal(check(text, 'EXAMPLE.com', 22, keyOf(rsa)).status, 'trusted');
  assert.equal(check(text, '192.0.2.1', 22, keyOf(host)).status, 'trusted');
  const changed = check(text, 'example.com', 22, keyOf(alice));
  assert.ok(changed.status === 'changed' && changed.sameType && changed.known.length === 2);
  const otherType = check(text, '192.0.2.1', 22, keyOf(rsa));
  assert.ok(otherType.status === 'changed' && !otherType.sameType);
  assert.equal(check(text, 'example.org', 22, keyOf(host)).status, 'unknown');
  assert.equal(checkHostKey([], { host: 'example.com', port: 22, key: keyOf(host) }).status, 'unknown');
});

test('several files: a key in any of them is enough, a revocation in any of them too', () => {
  const files = [parse(`example.com ${alice}\n`), parse(`example.com ${host}\n`)];
  assert.equal(checkHostKey(files, { host: 'example.com', port: 22, key: keyOf(host) }).status, 'trusted');
  files.push(parse(`@revoked * ${host}\n`));
  assert.equal(checkHostKey(files, { host: 'example.com', port: 22, key: keyOf(host) }).status, 'revoked');
});

test('ports, brackets and the name without port', () => {
  assert.equal(check(`[example.com]:2222 ${host}\n`, 'example.com', 2222, keyOf(host)).status, 'trusted');
  assert.equal(check(`[example.com]:2222 ${host}\n`, 'example.com', 22, keyOf(host)).status, 'unknown');
  assert.equal(check(`[2001:db8::1]:2222 ${host}\n`, '2001:db8::1', 2222, keyOf(host)).status, 'trusted');
  assert.equal(check(`2001:db8::1 ${host}\n`, '2001:db8::1', 22, keyOf(host)).status, 'trusted');
  assert.equal(check(`[*.example.com]:* ${host}\n`, 'a.example.com', 2222, keyOf(host)).status, 'trusted');
  // The bare name is a second place to find this very key; another key there says nothing about this port.
  assert.equal(check(`example.com ${host}\n`, 'example.com', 2222, keyOf(host)).status, 'trusted');
  const unknown = check(`example.com ${rsa}\n`, 'example.com', 2222, keyOf(host));
  assert.ok(unknown.status === 'unknown');
  assert.deepEqual(unknown.otherTypes, ['ssh-rsa']);
  // A key known for the port is not overruled by the bare name.
  const both = `[example.com]:2222 ${alice}\nexample.com ${host}\n`;
  assert.equal(check(both, 'example.com', 2222, keyOf(host)).status, 'changed');
});

test('a negated pattern takes a host out of its line', () => {
  const text = `*.example.com,!bad.example.com ${host}\n`;
  assert.equal(check(text, 'good.example.com', 22, keyOf(host)).status, 'trusted');
  assert.equal(check(text, 'bad.example.com', 22, keyOf(host)).status, 'unknown');
});

test('an alias replaces host and port', () => {
  const text = `tunnel ${host}\nexample.com ${alice}\n`;
  assert.equal(check(text, 'example.com', 2222, keyOf(host), { alias: 'tunnel' }).status, 'trusted');
  assert.equal(check(text, 'example.com', 22, keyOf(alice), { alias: 'tunnel' }).status, 'changed');
});

test('the address is compared but never makes a key trusted', () => {
  const text = `192.0.2.1 ${host}\nexample.com ${alice}\n`;
  assert.equal(check(text, 'example.com', 22, keyOf(host), { address: '192.0.2.1' }).status, 'changed');
  const unknown = check(text, 'other.example.com', 22, keyOf(host), { address: '192.0.2.1' });
  assert.ok(unknown.status === 'unknown' && unknown.address === 'known');
  const trusted = check(text, 'example.com', 22, keyOf(alice), { address: '192.0.2.1' });
  assert.ok(trusted.status === 'trusted' && trusted.address === 'changed');
  assert.equal(
    check(`${text}@revoked 192.0.2.1 ${alice}\n`, 'example.com', 22, keyOf(alice), { address: '192.0.2.1' }).status,
    'revoked',
  );
});

test('revoked comes first: for the key, the subject of a certificate, its authority, with and without port', () => {
  const certificate = keyOf(certificateTexts.hostCertificate);
  const trust = `example.com ${host}\n@cert-authority * ${ca}\n`;
  assert.equal(check(trust, 'example.com', 22, keyOf(host)).status, 'trusted');
  assert.equal(check(trust, 'example.com', 22, certificate).status, 'trusted-ca');
  assert.equal(check(`${trust}@revoked * ${host}\n`, 'example.com', 22, keyOf(host)).status, 'revoked');
  assert.equal(check(`${trust}@revoked * ${host}\n`, 'example.com', 22, certificate).status, 'revoked');
  assert.equal(check(`${trust}@revoked * ${ca}\n`, 'example.com', 22, certificate).status, 'revoked');
  assert.equal(check(`@revoked * ${ca}\n${trust}`, 'example.com', 22, certificate).status, 'revoked');
  assert.equal(
    check(`${trust}@revoked * ${certificateTexts.hostCertificate}\n`, 'example.com', 22, keyOf(host)).status,
    'revoked',
  );
  assert.equal(
    check(`[example.com]:2222 ${host}\n@revoked example.com ${host}\n`, 'example.com', 2222, keyOf(host)).status,
    'revoked',
  );
  assert.equal(check(`${trust}@revoked other.example ${host}\n`, 'example.com', 22, keyOf(host)).status, 'trusted');
  assert.equal(check(`${trust}@revoked * ${alice}\n`, 'example.com', 22, certificate).status, 'trusted-ca');
});

test('an authority is trusted only by its marker, and only for certificates it signed', () => {
  const certificate = keyOf(certificateTexts.hostCertificate);
  assert.equal(check(`example.com ${ca}\n`, 'example.com', 22, certificate).status, 'changed');
  assert.equal(check(`@cert-authority example.com ${ca}\n`, 'example.com', 22, keyOf(ca)).status, 'unknown');
  assert.equal(check(`@cert-authority example.com ${otherCa}\n`, 'example.com', 22, certificate).status, 'unknown');
  assert.equal(check(`@cert-authority *.example.org ${ca}\n`, 'example.com', 22, certificate).status, 'unknown');
  // Without an authority on file the certificate's own key may be known as a plain one.
  assert.equal(check(`example.com ${host}\n`, 'example.com', 22, certificate).status, 'trusted');
});

test('a broken line next to a good one changes nothing', () => {
  const text = `@cert-authority example.com ssh-rsa ${host.split(' ')[1]}\nexample.com ${host}\n`;
  assert.equal(check(text, 'example.com', 22, keyOf(host)).status, 'trusted');
});

test('whatever fails on the way is a refusal, never a verdict', () => {
  const broken = Object.create(keyOf(host), {
    plain: {
      get() {
        throw new RangeError('out of memory');
      },
    },
  }) as PublicKey;
  assert.throws(
    () => check(`example.com ${host}\n`, 'example.com', 22, broken),
    (error: unknown) => error instanceof SshError && error.code === 'host-key-refused',
  );
});

test('key types of a host, for the order of algorithms', () => {
  const text = `example.com ${rsa}\nexample.com ${host}\nexample.com ${alice}\n@revoked * ${bob}\n@cert-authority *.org ${ca}\n`;
  assert.deepEqual(knownKeyTypes([parse(text)], 'example.com', 22), ['ssh-rsa', 'ssh-ed25519']);
  assert.deepEqual(knownKeyTypes([parse(text)], 'example.net', 22), []);
  assert.equal(hasHostAuthority([parse(text)], 'example.com', 22), false);
  assert.equal(hasHostAuthority([parse(text)], 'example.org', 2222), true);
});

test('adding keeps what was there and the new line is found, hashed or not', () => {
  const before = `# mine\nold.example ${alice}`;
  const after = addHost(before, { host: 'New.Example', port: 2222, key: keyOf(host), comment: 'added today' });
  assert.equal(after, `${before}\n[new.example]:2222 ${host} added today\n`);
  const hashed = addHost(after, { host: 'hidden.example', port: 22, key: keyOf(bob), hashed: true });
  assert.ok(!hashed.includes('hidden'));
  assert.match(hashed.slice(after.length), /^\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}= ssh-ed25519 \S+\n$/);
  assert.equal(check(hashed, 'hidden.example', 22, keyOf(bob)).status, 'trusted');
  assert.equal(check(hashed, 'hidden.example', 22, keyOf(host)).status, 'changed');
  assert.equal(check(hashed, 'hidden2.example', 22, keyOf(bob)).status, 'unknown');
  assert.notEqual(hashed, addHost(after, { host: 'hidden.example', port: 22, key: keyOf(bob), hashed: true }));
  const certificate = keyOf(certificateTexts.hostCertificate);
  assert.equal(addHost('', { host: 'a', port: 22, key: certificate }), `a ${host}\n`);
});

test('no host or comment can write a second line or a pattern', () => {
  const bad = [
    '',
    'a b',
    'a\nb',
    'a,b',
    '*',
    'a?',
    '!a',
    '|1|x|y',
    '@revoked',
    '#a',
    'a]',
    '[a',
    'a\u2028b',
    'a\tb',
    'a\0',
  ];
  for (const name of bad) {
    assert.throws(() => addHost('', { host: name, port: 22, key: keyOf(host) }), SshError, JSON.stringify(name));
  }
  assert.throws(() => addHost('', { host: 'a', port: 22, key: keyOf(host), comment: `x\n* ${host}` }), SshError);
  assert.throws(() => addHost('', { host: 'a', port: 0, key: keyOf(host) }), SshError);
});

test('removing takes every plain line of a host and nothing else', () => {
  const keep = `# note\n@cert-authority a.example ${ca}\nb.example ${host}\nbroken line\n[a.example]:2222 ${host}\n`;
  const text = addHost(`${keep}a.example,c.example ${alice}\n`, {
    host: 'a.example',
    port: 22,
    key: keyOf(bob),
    hashed: true,
  });
  const result = removeHost(text, 'A.example');
  assert.equal(result.text, keep);
  assert.deepEqual(
    result.removed.map(({ line }) => line),
    [6, 7],
  );
  assert.equal(removeHost(keep, '[a.example]:2222').removed.length, 1);
  assert.equal(removeHost(keep, 'nobody').text, keep);
});

test('any text parses without another kind of error, and round-trips', () => {
  const piece = fc.constantFrom(
    '@revoked ',
    '@x ',
    'a',
    ',',
    '*',
    '!',
    '|1|',
    ' ',
    '\t',
    '\n',
    '\r',
    '#',
    host,
    rsa,
    'ssh-rsa AAAA',
    '\0',
    '=',
  );
  fc.assert(
    fc.property(fc.string({ unit: piece, maxLength: 24 }), (text) => {
      const file = parse(text);
      assert.equal(file.lines.join('\n'), text);
      checkHostKey([file], { host: 'a', port: 22, key: keyOf(host) });
      assert.equal(removeHost(text, 'no-such-host-here').removed.filter(({ hosts }) => hosts === 'a').length, 0);
    }),
  );
});

test('a hundred thousand lines are read and searched in a moment', () => {
  const lines: string[] = [];
  for (let at = 0; at < 100_000; at++) lines.push(`host${at}.example.com,192.0.2.${at % 256} ${host}`);
  const text = `${lines.join('\n')}\n`;
  const started = performance.now();
  const file = parse(text);
  const parsed = performance.now();
  assert.equal(findHostEntries([file], 'host99999.example.com').length, 1);
  const found = performance.now();
  assert.ok(parsed - started < 1500, `parsing took ${parsed - started} ms`);
  assert.ok(found - parsed < 1500, `looking up took ${found - parsed} ms`);
});
