/** bin/sshd and PuTTY's psftp and pscp, and links that lead nowhere. */
import assert from 'node:assert/strict';
import { copyFileSync, statSync, symlinkSync, truncateSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { clientOptions, makeFolder, missing, openSshProgram, puttyCommand, runProgram } from '../harness/index.ts';
import {
  assertSame,
  bigFile,
  describeTree,
  longMs,
  makeTree,
  must,
  runTool,
  skip,
  startFileServer,
  writeScript,
} from './_sshd-files.ts';

const server = skip === false ? await startFileServer() : undefined;
const { host, port, user, place } = server ?? ({} as NonNullable<typeof server>);

test('psftp', { skip: skip || missing('psftp') }, async () => {
  const there = place('psftp');
  const tree = makeTree({ withBackslash: false });
  const back = makeFolder('back');
  copyFileSync(bigFile(), join(back, 'part'));
  truncateSync(join(back, 'part'), 12_345_678);
  const q = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const script = [
    ...[`cd ${q(there)}`, `put -r ${q(tree)} tree`, `get -r tree ${q(`${back}/tree`)}`, `put ${q(bigFile())} big`],
    ...[`reget big ${q(`${back}/part`)}`, 'mkdir made', 'mv big made/moved', 'chmod 604 made/moved', 'ls made'],
    ...['mkdir gone', 'rmdir gone', 'pwd'],
  ];
  const { stdout } = await must(
    runProgram(await puttyCommand(server as never, ['-b', writeScript(script), host], { program: 'psftp' }), {
      timeoutMs: longMs,
    }),
  );
  assert.deepEqual(describeTree(`${there}/tree`), describeTree(tree));
  assert.deepEqual(describeTree(`${back}/tree`), describeTree(tree));
  assertSame(bigFile(), `${there}/made/moved`);
  assertSame(bigFile(), join(back, 'part'));
  assert.equal(statSync(`${there}/made/moved`).mode & 0o777, 0o604);
  assert.match(stdout.toString(), /^-rw----r-- +1 \S+ +\S+ +104857600 .* moved/m);
});

test('pscp', { skip: skip || missing('pscp') }, async (t) => {
  for (const protocol of ['-sftp', '-scp']) {
    await t.test(protocol, async () => {
      const there = place(`pscp${protocol}`);
      const tree = makeTree({ withBackslash: false });
      const back = makeFolder('back');
      utimesSync(join(tree, 'odd/large'), 1_234_567_890, 1_234_567_890);
      const pscp = async (...words: readonly string[]) => {
        const argv = await puttyCommand(server as never, words, { program: 'pscp', flags: [protocol, '-q'] });
        return must(runProgram(argv, { timeoutMs: longMs }));
      };
      await pscp('-r', '-p', tree, `${host}:${there}`);
      await pscp('-r', '-p', `${host}:${there}/tree`, back);
      assert.deepEqual(describeTree(`${there}/tree`, { times: true }), describeTree(tree, { times: true }));
      assert.deepEqual(describeTree(`${back}/tree`), describeTree(tree));
      await pscp(bigFile(), `${host}:${there}/big`);
      await pscp(`${host}:${there}/big`, join(back, 'big'));
      assertSame(bigFile(), `${there}/big`);
      assertSame(bigFile(), join(back, 'big'));
    });
  }
});

// A link that leads to nothing, and one that leads to itself, are told and end nothing.
test('links that lead nowhere, listed by all of them', { skip: skip || missing('lftp', 'psftp') }, async () => {
  const there = place('nowhere');
  symlinkSync('none', `${there}/dangling`);
  symlinkSync('loop', `${there}/loop`);
  const ssh = [openSshProgram('ssh'), '-a', '-x', ...clientOptions(server as never)].join(' ');
  const lftp = [`set sftp:connect-program "${ssh}"`, `open sftp://${user}:@${host}:${port}`, `cls -l ${there}`];
  const listed = await runTool(['lftp', '-f', writeScript(lftp)]);
  assert.match(listed.stdout.toString(), /dangling[\s\S]*loop/);
  const script = writeScript([`ls ${there}`]);
  const psftp = await puttyCommand(server as never, ['-b', script, host], { program: 'psftp' });
  assert.match((await must(runProgram(psftp))).stdout.toString(), /lrwxrwxrwx.*dangling[\s\S]*lrwxrwxrwx.*loop/);
});
