/** bin/sshd and curl, by sftp:// and scp://. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, readlinkSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, missing, runProgram } from '../harness/index.ts';
import { assertSame, bigFile, runTool, skip, startFileServer } from './_sshd-files.ts';

// Debian 12's libssh2 has no MAC of the newer kind, and our sshd none of the older unless it is told.
const server = skip === false ? await startFileServer(['MACs +hmac-sha2-256']) : undefined;
const { host, port, user, identity, place } = server ?? ({} as NonNullable<typeof server>);

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
      await runTool([...argv, '-T', bigFile(), at(scheme, `${there}/big of ${scheme}`)]);
      await runTool([...argv, '-o', join(back, scheme), at(scheme, `${there}/big of ${scheme}`)]);
      assertSame(bigFile(), `${there}/big of ${scheme}`);
      assertSame(bigFile(), join(back, scheme));
    });
  }

  await t.test('sftp: resume, append, ranges, folders, listings, commands', async () => {
    copyFileSync(bigFile(), `${there}/part`);
    truncateSync(`${there}/part`, 60_000_001);
    await runTool([...argv, '-C', '-', '-T', bigFile(), at('sftp', `${there}/part`)]);
    assertSame(bigFile(), `${there}/part`);
    copyFileSync(bigFile(), join(back, 'part'));
    truncateSync(join(back, 'part'), 10_000_019);
    await runTool([...argv, '-C', '-', '-o', join(back, 'part'), at('sftp', `${there}/part`)]);
    assertSame(bigFile(), join(back, 'part'));

    writeFileSync(`${there}/text`, 'abcdefgh');
    const ranged = await runTool([...argv, '-r', '2-4', at('sftp', `${there}/text`)]);
    assert.equal(ranged.stdout.toString(), 'cde');
    const more = join(back, 'more');
    writeFileSync(more, '+more');
    await runTool([...argv, '-a', '-T', more, at('sftp', `${there}/text`)]);
    assert.equal(readFileSync(`${there}/text`, 'utf8'), 'abcdefgh+more');
    await runTool([...argv, '--ftp-create-dirs', '-T', more, at('sftp', `${there}/new/folder/more`)]);
    assert.equal(readFileSync(`${there}/new/folder/more`, 'utf8'), '+more');
    const listed = await runTool([...argv, at('sftp', `${there}/`)]);
    assert.match(listed.stdout.toString(), /^-rw-r--r-- +1 \S+ +\S+ +13 .* text$/m);
    const quoted = [
      ...['-Q', `rename "${there}/text" "${there}/renamed"`, '-Q', `chmod 600 "${there}/renamed"`],
      ...['-Q', `symlink "renamed" "${there}/soft"`, '-Q', `mkdir "${there}/made"`, '-Q', `statvfs "${there}"`],
    ];
    const told = await runTool([...argv, ...quoted, '-I', at('sftp', `${there}/renamed`)]);
    assert.ok(told);
    assert.equal(statSync(`${there}/renamed`).mode & 0o777, 0o600);
    assert.equal(readlinkSync(`${there}/soft`), 'renamed');
    assert.ok(existsSync(`${there}/made`));
  });
});
