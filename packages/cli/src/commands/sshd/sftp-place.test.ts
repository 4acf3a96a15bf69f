/** Where internal-sftp is served: by its arguments, and by what is mounted. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { areQuick, canServeInHost } from './sftp-place.ts';

const account = { name: 'ada', uid: 1000, gid: 1000, home: tmpdir(), shell: '/bin/sh', gecos: '' };
const line = (kind: string, at = '/x') => `36 25 0:32 / ${at} rw,relatime shared:1 - ${kind} source rw\n`;
const local = line('ext4', '/') + line('proc', '/proc') + line('tmpfs', '/run');

test('a session without wishes of its own is served in the user’s process', () => {
  assert.ok(canServeInHost([], account, local));
  assert.ok(canServeInHost(['-R', '-l', 'INFO', '-e', '-d', '/tmp', '-P', 'remove'], account, local));
});

test('what a whole process has one of needs a process', () => {
  // The mask, a listing, a home that is looked up, and what is wrong; a home that is not there.
  for (const words of [['-u', '077'], ['-Q', 'requests'], ['-d', '~bob'], ['-x'], ['-l', 'LOUD']])
    assert.equal(canServeInHost(words, account, local), false, words.join(' '));
  assert.equal(canServeInHost([], { ...account, home: '/none/at/all' }, local), false);
});

test('a file system whose calls may never return keeps sessions apart', () => {
  assert.ok(areQuick(local + line('autofs', '/proc/sys/fs/binfmt_misc')));
  for (const kind of ['nfs4', 'cifs', 'fuse.sshfs', 'fuse', '9p', 'ceph', 'autofs', 'something-new', ''])
    assert.equal(areQuick(local + line(kind)), false, kind);
  assert.equal(areQuick(undefined), false);
});

test('a variable has every session served in a process of its own', () => {
  const before = process.env.NACRE_INTERNAL_SFTP;
  process.env.NACRE_INTERNAL_SFTP = 'off';
  try {
    assert.equal(canServeInHost([], account, local), false);
  } finally {
    if (before === undefined) delete process.env.NACRE_INTERNAL_SFTP;
    else process.env.NACRE_INTERNAL_SFTP = before;
  }
});
