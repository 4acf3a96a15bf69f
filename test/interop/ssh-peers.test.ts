/** bin/ssh against the servers of other makers, and against our own. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  missing,
  nacreProgram,
  runSsh,
  startNacreServer,
  startOpenSshServer,
  startSsh2Server,
  type TestServer,
} from '../harness/index.ts';

const program = nacreProgram('ssh');

/** 3 MB through `cat` and back, and a status of the command's own. */
async function exchange(server: TestServer, flags: readonly string[] = []): Promise<string> {
  const input = randomBytes(3e6);
  const result = await runSsh(server, ['cat; exit 9'], { program, input, flags });
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  assert.deepEqual([result.status, sha256(result.stdout)], [9, sha256(input)], result.stderr);
  return result.stderr;
}

test('OpenSSH 10, with ML-KEM', { skip: missing('nacre:ssh', 'openssh-10') }, async () => {
  const server = await startOpenSshServer({ version: '10.0' });
  assert.match(await exchange(server, ['-v']), /kex: algorithm: mlkem768x25519-sha256/);
});

test('OpenSSH 9.2, with sntrup761', { skip: missing('nacre:ssh', 'sshd') }, async () => {
  const server = await startOpenSshServer();
  assert.match(await exchange(server, ['-v']), /kex: algorithm: sntrup761x25519-sha512/);
});

test('ssh2 of npm', { skip: missing('nacre:ssh') }, async () => {
  await exchange(await startSsh2Server());
});

test('our own server', { skip: missing('nacre:ssh', 'nacre:sshd') }, async () => {
  assert.match(await exchange(await startNacreServer(), ['-v']), /kex: algorithm: mlkem768x25519-sha256/);
});
