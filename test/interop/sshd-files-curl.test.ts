/** bin/sshd and curl, by sftp:// and scp://. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, missing, runProgram } from '../harness/index.ts';
import { assertSame, bigFile, longMs, must, skip, startFileServer } from './_sshd-files.ts';

// Debian 12's libssh2 has no MAC of the newer kind, and our sshd none of the older unless it is told.
const server = skip === false ? await startFileServer(['MACs +hmac-sha2-256']) : undefined;
const { host, port, user, identity } = server ?? ({} as NonNullable<typeof server>);

/** A new folder at the server. */
function place(name: string): string {
  const folder = join(server?.at ?? '', name);
  mkdirSync(folder);
  return folder;
}

/** Runs a tool whose settings are all its own: nothing of the person's who runs the tests. */
function run(argv: readonly string[], env: Record<string, string> = {}) {
  const home = makeFolder('home');
  return must(runProgram(argv, { env: { HOME: home, XDG_CONFIG_HOME: home, ...env }, cwd: home, timeoutMs: longMs }));
}

async function curlSkip(): Promise<string | false> {
  const none = skip || missing('curl');
  if (none !== false) return none;
  const { stdout } = await runProgram(['curl', '--version']);
  return / sftp /.test(stdout.toString()) ? false : 'this curl speaks no sftp';
}

test('curl', { skip: await curlSkip() }, async (t) => {
  const there = place('curl');
  const back = makeFolder('back');
  const key = ['--key', identity.file, '--pubkey', `${identity.file}.pub`];
  const argv = ['curl', '-sS', '--user', `${user}:`, ...key, '--insecure'];
  const at = (scheme: string, path: string) => `${scheme}://${host}:${port}${encodeURI(path)}`;
  for (const scheme of ['sftp', 'scp']) {
    await t.test(`${scheme}: 100 MB both ways`, async () => {
      await run([...argv, '-T', bigFile(), at(scheme, `${there}/big of ${scheme}`)]);
      await run([...argv, '-o', join(back, scheme), at(scheme, `${there}/big of ${scheme}`)]);
      assertSame(bigFile(), `${there}/big of ${scheme}`);
      assertSame(bigFile(), join(back, scheme));
    });
  }

  await t.test('sftp: resume, append, ranges, folders, listings, commands', async () => {
    copyFileSync(bigFile(), `${there}/part`);
    truncateSync(`${there}/part`, 60_000_001);
    await run([...argv, '-C', '-', '-T', bigFile(), at('sftp', `${there}/part`)]);
    assertSame(bigFile(), `${there}/part`);
    copyFileSync(bigFile(), join(back, 'part'));
    truncateSync(join(back, 'part'), 10_000_019);
    await run([...argv, '-C', '-', '-o', join(back, 'part'), at('sftp', `${there}/part`)]);
    assertSame(bigFile(), join(back, 'part'));

    writeFileSync(`${there}/text`, 'abcdefgh');
    const ranged = await run([...argv, '-r', '2-4', at('sftp', `${there}/text`)]);
    assert.equal(ranged.stdout.toString(), 'cde');
    const more = join(back, 'more');
    writeFileSync(more, '+more');
    await run([...argv, '-a', '-T', more, at('sftp', `${there}/text`)]);
    assert.equal(readFileSync(`${there}/text`, 'utf8'), 'abcdefgh+more');
    await run([...argv, '--ftp-create-dirs', '-T', more, at('sftp', `${there}/new/folder/more`)]);
    assert.equal(readFileSync(`${there}/new/folder/more`, 'utf8'), '+more');
    const listed = await run([...argv, at('sftp', `${there}/`)]);
    assert.match(listed.stdout.toString(), /^-rw-r--r-- +1 \S+ +\S+ +13 .* text$/m);
    const quoted = [
      ...['-Q', `rename "${there}/text" "${there}/renamed"`, '-Q', `chmod 600 "${there}/renamed"`],
      ...['-Q', `symlink "renamed" "${there}/soft"`, '-Q', `mkdir "${there}/made"`, '-Q', `statvfs "${there}"`],
    ];
    const told = await run([...argv, ...quoted, '-I', at('sftp', `${there}/renamed`)]);
    assert.ok(told);
    assert.equal(statSync(`${there}/renamed`).mode & 0o777, 0o600);
    assert.equal(readlinkSync(`${there}/soft`), 'renamed');
    assert.ok(existsSync(`${there}/made`));
  });
});
