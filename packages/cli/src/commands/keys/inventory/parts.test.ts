/** The parts of the inventory by themselves: mounts, kinds of files, sizes of keys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { classify } from './classify.ts';
import { readKeyFacts } from './key-facts.ts';
import { AccessTimes } from './mounts.ts';

test('the mount that covers a path tells whether times of access are kept', () => {
  const times = new AccessTimes(
    [
      '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
      '23 22 8:2 / /nacre-a rw,noatime shared:2 - ext4 /dev/sda2 rw',
      '24 23 8:3 / /nacre-a/in\\040side rw,relatime - ext4 /dev/sda3 rw',
      '25 22 8:4 / /nacre-b ro,relatime - ext4 /dev/sda4 ro',
      'garbage',
    ].join('\n'),
  );
  assert.equal(times.areKept('/nacre-x/id'), true);
  assert.equal(times.areKept('/nacre-a/id'), false);
  assert.equal(times.areKept('/nacre-ab/id'), true);
  assert.equal(times.areKept('/nacre-a/in side/id'), true);
  assert.equal(times.areKept('/nacre-b/id'), false);
  assert.equal(new AccessTimes('').areKept('/'), false);
});

test('files are known by their content, lists by their names too', () => {
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==';
  const cases: [string, string, string | undefined][] = [
    ['id', '-----BEGIN OPENSSH PRIVATE KEY-----\n', 'private-key'],
    ['id', '-----BEGIN ENCRYPTED PRIVATE KEY-----\n', 'private-key'],
    ['id', 'PuTTY-User-Key-File-3: ssh-ed25519\n', 'private-key'],
    ['id', '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n', 'private-key'],
    ['x', '---- BEGIN SSH2 PUBLIC KEY ----\n', 'public-key'],
    ['x', '-----BEGIN PUBLIC KEY-----\n', 'public-key'],
    ['x', `# c\n\n${key} me\n`, 'public-key'],
    ['x.pub', 'rubbish', 'public-key'],
    ['keys', `${key} a\n${key} b\n`, 'authorized-keys'],
    ['keys', `no-pty,command="a b" ${key}\n`, 'authorized-keys'],
    ['hosts', `a.test,b.test ${key}\n`, 'known-hosts'],
    ['hosts', `@cert-authority *.test ${key}\n`, 'known-hosts'],
    ['ssh_known_hosts', '', 'known-hosts'],
    ['known_hosts.old', `a ${key}\n`, undefined],
    ['authorized_keys2', '', 'authorized-keys'],
    ['allowed_signers', '', 'allowed-signers'],
    ['config', 'Host *\n  IdentityFile x\n', undefined],
    ['log', 'about ssh-ed25519 keys\n', undefined],
    ['cert.pem', '-----BEGIN CERTIFICATE-----\n', undefined],
    ['empty', '', undefined],
  ];
  for (const [name, text, kind] of cases)
    assert.equal(classify({ path: `/x/${name}`, text }), kind, `${name}: ${text}`);
});

test('sizes of RSA keys are counted in bits', () => {
  const text = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, bytes.length >> 8, bytes.length & 255]), bytes]);
  const rsa = (modulus: Buffer) =>
    readKeyFacts(Buffer.concat([text(Buffer.from('ssh-rsa')), text(Buffer.from([1, 0, 1])), text(modulus)]));
  for (const [first, bytes, bits] of [
    [0x80, 256, 2048],
    [0x40, 256, 2047],
    [0x01, 128, 1017],
    [0xff, 384, 3072],
  ] as const) {
    const modulus = Buffer.alloc(bytes, 0x55);
    modulus[0] = first;
    const padded = first >= 0x80 ? Buffer.concat([Buffer.from([0]), modulus]) : modulus;
    assert.equal(rsa(padded).bits, bits);
  }
  assert.equal(rsa(Buffer.alloc(0)).bits, 0);
});

test('any bytes give facts', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.match(readKeyFacts(bytes).fingerprint, /^SHA256:/);
    }),
    { numRuns: 300 },
  );
});
