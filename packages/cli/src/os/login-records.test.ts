/** Records of logins in files of the test's, as bytes and as they are found again. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeRecord, recordLayout } from './login-record-layout.ts';
import { readLastLogin, recordFailure, recordLogin, recordLogout } from './login-records.ts';

const onLinux = { skip: process.platform !== 'linux' && 'only Linux has these files' };
const session = { line: 'pts/7', pid: 4711, user: 'ada', uid: 3, host: 'host.example', address: '192.0.2.7' };

function withFiles(use: (files: { utmp: string; wtmp: string; lastlog: string; btmp: string }) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-records-'));
  const [utmp = '', wtmp = '', lastlog = '', btmp = ''] = ['utmp', 'wtmp', 'lastlog', 'btmp'].map((name) => {
    const file = join(folder, name);
    writeFileSync(file, '', { mode: 0o600 });
    return file;
  });
  return use({ utmp, wtmp, lastlog, btmp }).finally(() => rmSync(folder, { recursive: true }));
}

test('a login and its end', onLinux, () =>
  withFiles(async (files) => {
    const { recordBytes } = recordLayout;
    assert.equal(readLastLogin(session.uid, files), undefined);
    await recordLogin(session, files);
    await recordLogin({ ...session, line: 'pts/8', user: 'bob', uid: 4 }, files);
    const utmp = readFileSync(files.utmp);
    assert.equal(utmp.length, 2 * recordBytes);
    assert.equal(utmp.readInt16LE(0), 7);
    assert.equal(utmp.readInt32LE(4), 4711);
    assert.equal(utmp.toString('latin1', 8, 14), 'pts/7\0');
    assert.equal(utmp.toString('latin1', 40, 48), 'ts/7ada\0');
    assert.equal(utmp.toString('latin1', 76, 89), 'host.example\0');
    assert.equal(readLastLogin(session.uid, files)?.host, 'host.example');
    assert.equal(readLastLogin(4, files)?.host, 'host.example');
    assert.equal(readLastLogin(2, files), undefined);

    await recordLogout(session, files);
    const after = readFileSync(files.utmp);
    assert.equal(after.length, 2 * recordBytes, 'the place of the login is used');
    assert.equal(after.readInt16LE(0), 8);
    assert.equal(after.toString('latin1', 44, 48), '\0\0\0\0');
    assert.deepEqual(after.subarray(recordBytes), utmp.subarray(recordBytes));
    assert.equal(readFileSync(files.wtmp).length, 3 * recordBytes);
    // The next on the same terminal takes the place.
    await recordLogin({ ...session, user: 'eve' }, files);
    assert.equal(readFileSync(files.utmp).toString('latin1', 44, 48), 'eve\0');
  }),
);

test('half a record at the end is written over', onLinux, () =>
  withFiles(async (files) => {
    await recordLogin(session, files);
    truncateSync(files.wtmp, recordLayout.recordBytes + 100);
    await recordLogout(session, files);
    assert.equal(statSync(files.wtmp).size, 2 * recordLayout.recordBytes);
  }),
);

test('files that are not there are not made, and nothing is thrown', onLinux, async () => {
  const none = { utmp: '/nonexistent/a', wtmp: '/nonexistent/b', lastlog: '/nonexistent/c', btmp: '/nonexistent/d' };
  await recordLogin(session, none);
  await recordLogout(session, none);
  await recordFailure(session, none);
  assert.equal(readLastLogin(0, none), undefined);
});

test('addresses, long names and late times', () => {
  const record = {
    type: 7,
    pid: 1,
    line: 'l'.repeat(40),
    id: '12345',
    user: 'u'.repeat(40),
    host: '',
    at: new Date(0),
  };
  const bytes = (address: string) =>
    encodeRecord({ ...record, address })
      .subarray(recordLayout.recordBytes - 36)
      .toString('hex', 0, 16);
  if (process.arch === 'x64') {
    assert.equal(bytes('192.0.2.7'), `c0000207${'0'.repeat(24)}`);
    assert.equal(bytes('::ffff:192.0.2.7'), `c0000207${'0'.repeat(24)}`);
    assert.equal(bytes('2001:db8::7'), `20010db8${'0'.repeat(20)}0007`);
    assert.equal(bytes('fe80::1%eth0'), `fe80${'0'.repeat(24)}0001`);
    assert.equal(bytes('nonsense'), '0'.repeat(32));
    const late = encodeRecord({ ...record, address: undefined, at: new Date('2038-01-19T03:14:08Z') });
    assert.equal(late.readUInt32LE(340), 2 ** 31);
  }
  const long = encodeRecord({ ...record, address: undefined });
  assert.equal(long.toString('latin1', 8, 44), `${'l'.repeat(32)}1234`);
  assert.equal(long.toString('latin1', 44, 77), `${'u'.repeat(32)}\0`);
});
