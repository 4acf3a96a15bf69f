/** Tests of reading a user's files: regular files only, and with StrictModes none that others could have written. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { asAccount, expandFile, readUserFile } from './user-files.ts';

const top = mkdtempSync(join(tmpdir(), 'nacre-home-'));
// Not after(): where many files run in one process, that comes before some of these tests.
process.on('exit', () => rmSync(top, { recursive: true, force: true }));

const self = userInfo();
const home = join(top, 'home');
const account = { name: 'ada', uid: self.uid, gid: self.gid, home, shell: '/bin/sh', gecos: '' };
const ssh = join(home, '.ssh');
const file = join(ssh, 'authorized_keys');
mkdirSync(ssh, { recursive: true, mode: 0o700 });
chmodSync(home, 0o755);
writeFileSync(file, 'text\n', { mode: 0o600 });

test('modes of the file and of every folder up to the home', () => {
  assert.equal(readUserFile(account, file, true).bytes?.toString(), 'text\n');
  for (const path of [file, ssh, home]) {
    const kind = path === file ? 'file' : 'directory';
    for (const mode of [0o720, 0o702]) {
      chmodSync(path, mode);
      assert.deepEqual(readUserFile(account, file, true), {
        bytes: undefined,
        refusal: `Authentication refused: bad ownership or modes for ${kind} ${path}`,
      });
      assert.equal(readUserFile(account, file, false).bytes?.toString(), 'text\n');
      chmodSync(path, 0o700);
    }
  }
});

test('a link leads to the folder that the file really is in', () => {
  const elsewhere = join(top, 'elsewhere');
  mkdirSync(elsewhere);
  chmodSync(elsewhere, 0o777);
  writeFileSync(join(elsewhere, 'keys'), 'theirs\n', { mode: 0o600 });
  symlinkSync(join(elsewhere, 'keys'), join(ssh, 'linked'));
  assert.match(readUserFile(account, join(ssh, 'linked'), true).refusal ?? '', /bad ownership or modes for directory/);
});

test('no file, a folder, a FIFO', { skip: process.platform === 'win32' ? 'no FIFOs here' : false }, () => {
  assert.deepEqual(readUserFile(account, join(ssh, 'missing'), true), { bytes: undefined });
  assert.match(readUserFile(account, ssh, false).refusal ?? '', /is not a regular file/);
  const pipe = join(ssh, 'pipe');
  execFileSync('mkfifo', [pipe]);
  assert.match(readUserFile(account, pipe, false).refusal ?? '', /is not a regular file/);
});

test('tokens of AuthorizedKeysFile, and names that must lead nowhere', () => {
  assert.equal(expandFile('.ssh/authorized_keys', account), `${home}/.ssh/authorized_keys`);
  assert.equal(expandFile('/etc/keys/%u', account), '/etc/keys/ada');
  assert.equal(expandFile('%h/x%%y.%U', account), `${home}/x%y.${account.uid}`);
  assert.equal(expandFile('/etc/keys/%q', account), undefined);
  assert.equal(expandFile('/etc/keys/%', account), undefined);
  for (const name of ['..', '.', 'a/b']) assert.equal(expandFile('/etc/keys/%u', { ...account, name }), undefined);
});

const asRoot = { skip: process.getuid?.() !== 0 && 'only root takes on the rights of others' };
for (const [way, variable] of [
  ['of the thread', 'on'],
  ['of the process', 'off'],
] as const) {
  test(`files are reached with the account's rights and not with root's: ${way}`, asRoot, () => {
    const before = process.env.NACRE_THREAD_RIGHTS;
    process.env.NACRE_THREAD_RIGHTS = variable;
    try {
      const other = { ...account, name: 'nobody', uid: 65_534, gid: 65_534 };
      const [ours, theirs] = [join(top, `ours-${variable}`), join(top, `theirs-${variable}`)];
      for (const path of [ours, theirs]) writeFileSync(path, 'text', { mode: 0o600 });
      chownSync(theirs, other.uid, other.gid);
      chmodSync(top, 0o755);
      const ids = () => [process.getuid?.(), process.geteuid?.(), process.getegid?.(), process.getgroups?.()];
      const root = ids();
      assert.equal(readUserFile(other, theirs, false).bytes?.toString(), 'text');
      assert.match(readUserFile(other, ours, false).refusal ?? '', /EACCES/);
      assert.deepEqual(
        asAccount(other, () => ids()),
        [0, other.uid, other.gid, [other.gid]],
      );
      assert.throws(() => asAccount(other, () => readFileSync(ours)), { code: 'EACCES' });
      assert.deepEqual(ids(), root);
      assert.equal(readFileSync(ours, 'utf8'), 'text');
    } finally {
      if (before === undefined) delete process.env.NACRE_THREAD_RIGHTS;
      else process.env.NACRE_THREAD_RIGHTS = before;
    }
  });
}
