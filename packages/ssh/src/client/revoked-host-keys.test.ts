/** Host keys in files of revoked keys: refused before anything else is asked. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatPublicKey } from '../keys/index.ts';
import { RevocationListDraft } from '../trust/revocation-list/index.ts';
import type { HostKeyQuestion } from './host-key-policy.ts';
import { hostKey, isError, otherKey } from './live.test.kit.ts';
import { refuseRevokedHostKeys } from './revoked-host-keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-revoked-hosts-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const question: HostKeyQuestion = { host: 'example.com', port: 22, address: undefined, key: hostKey.publicKey };

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function ask(...files: readonly string[]): Promise<string[]> {
  const asked: string[] = [];
  const policy = refuseRevokedHostKeys(
    files,
    { verify: async () => void asked.push('policy') },
    { onRefusal: (error) => asked.push(error.message) },
  );
  await policy.verify(question).catch((error: unknown) => {
    asked.push('refused');
    assert.ok(isError('host-key-revoked', 'host-key')(error));
  });
  return asked;
}

function krl(key: typeof hostKey): Buffer {
  const draft = new RevocationListDraft();
  draft.revoke(key.publicKey);
  return draft.encode({ generatedAt: 1n });
}

test('a revoked key is refused, in either form and whichever file names it; others are for the policy to judge', async () => {
  const revoked = file('text', `${formatPublicKey(hostKey.publicKey)}\n`);
  const others = file('others', `${formatPublicKey(otherKey.publicKey)}\n`);
  for (const path of [revoked, file('krl', krl(hostKey))]) {
    const [message = '', end] = await ask(others, path);
    assert.match(message, /^Host key ED25519 SHA256:\S+ revoked by file /);
    assert.equal(end, 'refused');
  }
  assert.deepEqual(await ask(others, file('other-krl', krl(otherKey)), '/dev/null'), ['policy']);
  assert.deepEqual(await ask(), ['policy']);
});

test('a file that is missing, broken or no file refuses every key', async () => {
  const cut = file('cut', krl(otherKey).subarray(0, -1));
  for (const path of [join(folder, 'missing'), folder, file('junk', 'junk\n'), cut]) {
    const [message = '', end] = await ask(path);
    assert.match(message, /^Error checking host key ED25519 SHA256:\S+ in revoked keys file /);
    assert.equal(end, 'refused', path);
  }
});
