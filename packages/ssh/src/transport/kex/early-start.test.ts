import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findAgreement } from '../../crypto/agreement/table.ts';
import { EarlyStart, expectedMethod } from './early-start.ts';

const offered = [
  'mlkem768x25519-sha256',
  'sntrup761x25519-sha512',
  'sntrup761x25519-sha512@openssh.com',
  'curve25519-sha256',
];

test('which method a server will choose, as its identification tells', () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3', 'sntrup761x25519-sha512@openssh.com'],
    ['SSH-2.0-OpenSSH_9.8', 'sntrup761x25519-sha512@openssh.com'],
    ['SSH-2.0-OpenSSH_9.9p2', 'mlkem768x25519-sha256'],
    ['SSH-2.0-OpenSSH_10.0p2 Debian-5', 'mlkem768x25519-sha256'],
    ['SSH-2.0-nacre_0.1.0', 'mlkem768x25519-sha256'],
    ['SSH-2.0-OpenSSH_8.9p1 Ubuntu-3', undefined],
    ['SSH-2.0-OpenSSH_7.4', undefined],
    ['SSH-2.0-dropbear_2022.83', undefined],
    ['SSH-2.0-NotOpenSSH_9.2', undefined],
  ];
  for (const [identification, method] of rows)
    assert.equal(expectedMethod(offered, identification), method, identification);
});

test('nothing is made ahead where a curve is preferred, or the method is not offered', () => {
  const server = 'SSH-2.0-OpenSSH_9.2p1';
  assert.equal(expectedMethod(['curve25519-sha256', ...offered], server), undefined);
  assert.equal(expectedMethod(['curve25519-sha256'], server), undefined);
  assert.equal(expectedMethod(['diffie-hellman-group14-sha256'], server), undefined);
});

test('the value is taken once, by the method that it was made for', async () => {
  const early = new EarlyStart();
  early.begin(offered, 'SSH-2.0-OpenSSH_9.2p1');
  assert.equal(new EarlyStart().take('sntrup761x25519-sha512@openssh.com'), undefined);
  const initiator = await early.take('sntrup761x25519-sha512@openssh.com');
  assert.ok(initiator !== undefined);
  assert.equal(early.take('sntrup761x25519-sha512@openssh.com'), undefined);
  const answer = await findAgreement('sntrup761x25519-sha512@openssh.com')?.respond(initiator.value);
  assert.ok(answer !== undefined);
  assert.deepEqual(await initiator.finish(answer.value), answer.secret);
});

test('a server that chooses otherwise than expected gets a value of the other method', async () => {
  const early = new EarlyStart();
  early.begin(offered, 'SSH-2.0-OpenSSH_9.2p1');
  assert.equal(early.take('curve25519-sha256'), undefined);
  // It is not kept for a later exchange either: a key pair is for one.
  assert.equal(early.take('sntrup761x25519-sha512@openssh.com'), undefined);
});
