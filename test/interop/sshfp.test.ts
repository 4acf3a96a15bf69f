/** SSHFP records beside OpenSSH's: the same lines for the same keys. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { matchSshfp, parsePublicKey, parseSshfp } from '@nacre/ssh/keys';
import {
  keyTypes,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSsh10Folder,
  type ProgramResult,
  runProgram,
} from '../harness/index.ts';

const skip = missing('openssh-10', 'nacre:ssh-keygen', 'ssh-keygen');
const theirs = join(openSsh10Folder, 'usr', 'bin', 'ssh-keygen');
const ours = nacreProgram('ssh-keygen');

function outcome({ status, stdout, stderr }: ProgramResult) {
  return { status, stdout: stdout.toString(), stderr: stderr.replaceAll('\r', '').replace(/ \(it .*\)$/gm, '') };
}

async function assertSame(...args: string[]): Promise<string> {
  const [expected, actual] = await Promise.all([runProgram([theirs, ...args]), runProgram([ours, ...args])]);
  assert.deepEqual(outcome(actual), outcome(expected), `ssh-keygen ${args.join(' ')}`);
  return actual.stdout.toString();
}

test('-r prints the same records, and they match the key', { skip }, async () => {
  for (const type of keyTypes) {
    const { file, publicLine } = await makeKey({ type });
    const { key } = parsePublicKey(publicLine);
    for (const path of [file, `${file}.pub`]) {
      for (const flags of [
        [],
        ['-g'],
        ['-O', 'hashalg=sha1'],
        ['-O', 'hashalg=SHA256', '-g'],
        ['-O', 'hashalg=sha1', '-O', 'hashalg=sha256'],
      ]) {
        const lines = (await assertSame('-r', 'host.example.com.', ...flags, '-f', path)).trim().split('\n');
        const records = lines.map(parseSshfp);
        assert.ok(records.every(({ host }) => host === 'host.example.com.'));
        assert.equal(matchSshfp(records, key), 'match');
      }
    }
  }
});

test('-r without -f goes through the host keys of /etc/ssh', { skip }, async () => {
  await assertSame('-r', 'here');
  await assertSame('-r', 'here', '-g', '-O', 'hashalg=sha256');
});

test('what cannot be printed is said in the same words', { skip }, async () => {
  const { file } = await makeKey();
  const text = join(makeFolder('sshfp'), 'text');
  writeFileSync(text, 'no key\n');
  await assertSame('-r', 'host', '-f', '/nonexistent/key');
  await assertSame('-r', 'host', '-f', text);
  await assertSame('-r', 'host', '-f', file, '-O', 'hashalg=md4');
  await assertSame('-r', 'host', '-f', file, '-O', 'hashalg=md5');
  await assertSame('-r', 'host', '-f', file, '-O', 'hashalg=sha512');
  await assertSame('-r', 'host', '-f', file, '-O', 'bogus');
});
