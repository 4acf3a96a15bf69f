/** bin/sshd and the file tools of other makers: lftp and rclone. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { clientOptions, makeFolder, missing, openSshProgram } from '../harness/index.ts';
import {
  assertSame,
  bigFile,
  describeTree,
  makeTree,
  runTool,
  skip,
  startFileServer,
  writeScript,
} from './_sshd-files.ts';

const server = skip === false ? await startFileServer() : undefined;
const { host, port, user, identity, knownHostsFile, place } = server ?? ({} as NonNullable<typeof server>);

test('lftp', { skip: skip || missing('lftp') }, async () => {
  const there = place('lftp');
  const tree = makeTree();
  const back = makeFolder('back');
  const ssh = [openSshProgram('ssh'), '-a', '-x', ...clientOptions(server as never)].join(' ');
  const part = `${there}/part`;
  copyFileSync(bigFile(), part);
  truncateSync(part, 50_000_007);
  const partBack = join(back, 'part back');
  copyFileSync(bigFile(), partBack);
  truncateSync(partBack, 33_333_333);
  const script = [
    ...[`set sftp:connect-program "${ssh}"`, 'set net:max-retries 1', 'set cmd:fail-exit yes', 'set xfer:log no'],
    `open sftp://${user}:@${host}:${port}`,
    `mirror -R --parallel=4 ${tree} ${there}/tree`,
    `mirror --parallel=4 ${there}/tree ${back}/tree`,
    `put -c "${bigFile()}" -o ${part}`,
    `get -c ${part} -o "${partBack}"`,
    ...[`cd ${there}`, 'mkdir -p a/b', 'mv part a/b/moved', 'chmod 604 a/b/moved', 'ln -s moved a/b/soft'],
    ...['mkdir gone', 'rmdir gone', 'cls -l a/b', 'rm -r tree'],
  ];
  const { stdout } = await runTool(['lftp', '-f', writeScript(script)]);
  const wanted = describeTree(tree, { times: true });
  assert.deepEqual(describeTree(`${back}/tree`, { times: true }), wanted);
  assertSame(bigFile(), `${there}/a/b/moved`);
  assertSame(bigFile(), partBack);
  assert.equal(statSync(`${there}/a/b/moved`).mode & 0o777, 0o604);
  assert.equal(readlinkSync(`${there}/a/b/soft`), 'moved');
  assert.deepEqual(readdirSync(there), ['a']);
  assert.match(stdout.toString(), /^-rw----r--.* 104857600 .*moved$/m);
});

test('rclone', { skip: skip || missing('rclone') }, async (t) => {
  const there = place('rclone');
  const far = [
    ...['type = sftp', `host = ${host}`, `port = ${port}`, `user = ${user}`, `key_file = ${identity.file}`],
    ...[
      `known_hosts_file = ${knownHostsFile}`,
      'shell_type = unix',
      'md5sum_command = md5sum',
      'sha1sum_command = sha1sum',
    ],
  ];
  // With hashes it runs a command for every file.
  const config = writeScript(['[far]', ...far, 'disable_hashcheck = true', '[hashing]', ...far]);
  const rclone = (...words: readonly string[]) => runTool(['rclone', '--config', config, '--retries', '1', ...words]);
  const tree = makeTree();

  await t.test('a tree both ways, checked by its own checksums', async () => {
    const back = makeFolder('back');
    await rclone('copy', '--create-empty-src-dirs', tree, `far:${there}/tree`);
    await rclone('copy', '--create-empty-src-dirs', `far:${there}/tree`, `${back}/tree`);
    const wanted = describeTree(tree, { times: true });
    assert.deepEqual(describeTree(`${there}/tree`, { times: true }), wanted);
    assert.deepEqual(describeTree(`${back}/tree`, { times: true }), wanted);
    await rclone('check', join(tree, 'odd'), `hashing:${there}/tree/odd`);
  });

  await t.test('sync takes away what is gone, and moves', async () => {
    rmSync(join(tree, 'folder 3'), { recursive: true });
    renameSync(join(tree, 'odd/large'), join(tree, 'odd/renamed'));
    writeFileSync(join(tree, 'odd/empty'), 'no more');
    await rclone('sync', '--create-empty-src-dirs', tree, `far:${there}/tree`);
    assert.deepEqual(describeTree(`${there}/tree`), describeTree(tree));
    await rclone('moveto', `far:${there}/tree/odd/renamed`, `far:${there}/tree/moved`);
    assert.equal(statSync(`${there}/tree/moved`).size, 3_000_001);
    const { stdout } = await rclone('about', '--json', `far:${there}`);
    const about = JSON.parse(stdout.toString()) as { total: number };
    const { blocks, bsize } = statfsSync(there);
    assert.equal(about.total, blocks * bsize);
  });

  await t.test('100 MB both ways', async () => {
    const back = makeFolder('back');
    await rclone('copyto', bigFile(), `far:${there}/big`);
    await rclone('copyto', `far:${there}/big`, `${back}/big`);
    assertSame(bigFile(), `${there}/big`);
    assertSame(bigFile(), `${back}/big`);
    await rclone('purge', `far:${there}/tree`);
    assert.deepEqual(readdirSync(there), ['big']);
  });
});
