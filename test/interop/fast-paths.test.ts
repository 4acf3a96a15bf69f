/** Each fast path forced off, on either side of a connection: what lies behind it speaks with OpenSSH all the same. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  missing,
  nacreProgram,
  runSsh,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

/** As scripts/fast-paths.mjs has them. */
const switches = [
  ['NACRE_CRYPTO', 'fallback'],
  ['NACRE_EVP', 'off'],
  ['NACRE_ONREAD', 'off'],
  ['NACRE_RELEASE', 'off'],
  ['NACRE_BUNDLE', 'off'],
  ['NACRE_PACKET_READS', 'off'],
  ['NACRE_CODE_CACHE', 'off'],
  ['NACRE_QUICK_ACK', 'off'],
  ['NACRE_SPAWN', 'fallback'],
  ['NACRE_THREAD_RIGHTS', 'off'],
  ['NACRE_TIDY', 'off'],
  ['NACRE_LOCAL_FILES', 'off'],
  ['NACRE_INTERNAL_SFTP', 'off'],
] as const;

// The cipher whose work depends most on what this Node has.
const chacha = ['Ciphers=chacha20-poly1305@openssh.com', 'KexAlgorithms=curve25519-sha256'];
const hybrid = ['Ciphers=chacha20-poly1305@openssh.com', 'KexAlgorithms=mlkem768x25519-sha256'];
/** More than bulk is waited for: ciphers change over in the middle of it. */
const sent = randomBytes(10_000_000);

async function goesThereAndBack(server: TestServer, options: string[], program?: string, env = {}): Promise<void> {
  const result = await runSsh(server, ['cat'], {
    input: sent,
    options,
    env,
    ...(program !== undefined && { program }),
  });
  assert.equal(result.status, 0, result.stderr);
  assert.ok(result.stdout.equals(sent), `${result.stdout.length} of ${sent.length} bytes, or others`);
}

for (const [variable, value] of switches) {
  const env = { [variable]: value };
  test(`${variable}=${value}: ssh to OpenSSH, and OpenSSH and ssh to sshd`, {
    skip: missing('ssh', 'sshd', 'nacre:ssh', 'nacre:sshd'),
  }, async () => {
    const theirs = await startOpenSshServer();
    await goesThereAndBack(theirs, chacha, nacreProgram('ssh'), env);
    await theirs.stop();
    const ours = await startNacreServer({ env });
    await goesThereAndBack(ours, chacha);
    await goesThereAndBack(ours, hybrid, nacreProgram('ssh'), env);
    await ours.stop();
  });
}

for (const cipher of ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr']) {
  test(`${cipher}: bulk that changes over to OpenSSL's own calls, from and to OpenSSH`, {
    skip: missing('ssh', 'sshd', 'nacre:ssh', 'nacre:sshd'),
  }, async () => {
    const options = [`Ciphers=${cipher}`, 'MACs=hmac-sha2-512-etm@openssh.com'];
    const theirs = await startOpenSshServer();
    await goesThereAndBack(theirs, options, nacreProgram('ssh'));
    await theirs.stop();
    const ours = await startNacreServer();
    await goesThereAndBack(ours, options);
    await goesThereAndBack(ours, [...options.slice(0, 1), 'MACs=hmac-sha2-256-etm@openssh.com'], nacreProgram('ssh'));
    await ours.stop();
  });
}
