/** RevokedKeys: who is kept out, and that a file is read anew when it changes. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { formatPublicKey, generateKey } from '@nacre/ssh/keys';
import { RevocationListDraft } from '@nacre/ssh/trust/revocation-list';
import { loadRevokedKeys, revocationRefusal } from './revoked-keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-revoked-keys-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const key = (await generateKey('ssh-ed25519')).publicKey;
const other = (await generateKey('ssh-ed25519')).publicKey;

function krl(...keys: readonly (typeof key)[]): Buffer {
  const draft = new RevocationListDraft();
  for (const each of keys) draft.revoke(each);
  return draft.encode({ generatedAt: 1n });
}

test('a key in any of the files is kept out; no files keep nobody out', () => {
  const text = join(folder, 'text');
  const list = join(folder, 'list');
  writeFileSync(text, `${formatPublicKey(other)}\n`);
  writeFileSync(list, krl(key));
  assert.equal(revocationRefusal([], key), undefined);
  assert.equal(revocationRefusal([text, '/dev/null'], key), undefined);
  assert.match(revocationRefusal([text, list], key) ?? '', /^Authentication key ED25519 SHA256:\S+ revoked by file /);
  assert.match(revocationRefusal([text, list], other) ?? '', /revoked by file .*text$/);
});

test('a changed, replaced or removed file counts at once', () => {
  const file = join(folder, 'changing');
  const isRevoked = (each = key) => revocationRefusal([file], each) !== undefined;
  writeFileSync(file, krl(other));
  assert.deepEqual([isRevoked(), isRevoked(other)], [false, true]);
  // The same length, so that only the time tells.
  writeFileSync(file, krl(key));
  assert.deepEqual([isRevoked(), isRevoked(other)], [true, false]);
  const next = join(folder, 'next');
  writeFileSync(next, krl(other));
  renameSync(next, file);
  assert.deepEqual([isRevoked(), isRevoked(other)], [false, true]);
  unlinkSync(file);
  assert.match(revocationRefusal([file], key) ?? '', /^Error checking authentication key ED25519 SHA256:\S+ in /);
});

test('a file that has been there for a while is read once', (t) => {
  const file = join(folder, 'settled');
  writeFileSync(file, krl(key));
  assert.notEqual(loadRevokedKeys(file), loadRevokedKeys(file));
  mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 });
  t.after(() => mock.timers.reset());
  const list = loadRevokedKeys(file);
  assert.equal(loadRevokedKeys(file), list);
  // Another length tells by itself, however coarse the clock of the file system is.
  writeFileSync(file, krl(key, other));
  assert.notEqual(loadRevokedKeys(file), list);
  assert.match(revocationRefusal([file], other) ?? '', /revoked by file/);
});

test('what cannot be read keeps everybody out', () => {
  const broken = join(folder, 'broken');
  writeFileSync(broken, krl(other).subarray(0, -1));
  for (const file of [broken, folder, join(folder, 'missing'), '/dev/zero']) {
    assert.match(revocationRefusal([file], key) ?? '', /^Error checking /, file);
  }
});
