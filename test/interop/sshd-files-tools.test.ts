/** bin/sshd and the file tools of other makers: lftp, curl, rclone, sshfs, psftp, pscp. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  atEnd,
  clientOptions,
  makeFolder,
  missing,
  openSshProgram,
  puttyCommand,
  runProgram,
  startProgram,
} from '../harness/index.ts';
import { until } from './_shared.ts';
import { assertSame, bigFile, describeTree, longMs, makeTree, must, skip, startFileServer } from './_sshd-files.ts';

const server = skip === false ? await startFileServer() : undefined;
const { host, port, user, identity, knownHostsFile } = server ?? ({} as NonNullable<typeof server>);

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
  const { stdout } = await run(['lftp', '-f', writeScript(script)]);
  const wanted = describeTree(tree, { times: true });
  assert.deepEqual(describeTree(`${back}/tree`, { times: true }), wanted);
  assertSame(bigFile(), `${there}/a/b/moved`);
  assertSame(bigFile(), partBack);
  assert.equal(statSync(`${there}/a/b/moved`).mode & 0o777, 0o604);
  assert.equal(readlinkSync(`${there}/a/b/soft`), 'moved');
  assert.deepEqual(readdirSync(there), ['a']);
  assert.match(stdout.toString(), /^-rw----r--.* 104857600 .*moved$/m);
});

function writeScript(lines: readonly string[]): string {
  const file = join(makeFolder('script'), 'script');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
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
  // Debian 12's libssh2 has no MAC of the newer kind, and our sshd none of the older unless it is told.
  const { port } = await startFileServer(['MACs +hmac-sha2-256']);
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

test('rclone', { skip: skip || missing('rclone') }, async (t) => {
  const there = place('rclone');
  const config = writeScript([
    '[far]',
    ...['type = sftp', `host = ${host}`, `port = ${port}`, `user = ${user}`, `key_file = ${identity.file}`],
    ...[
      `known_hosts_file = ${knownHostsFile}`,
      'shell_type = unix',
      'md5sum_command = md5sum',
      'sha1sum_command = sha1sum',
    ],
  ]);
  const rclone = (...words: readonly string[]) => run(['rclone', '--config', config, '--retries', '1', ...words]);
  const tree = makeTree();

  await t.test('a tree both ways, checked by its own checksums', async () => {
    const back = makeFolder('back');
    await rclone('copy', '--create-empty-src-dirs', tree, `far:${there}/tree`);
    await rclone('copy', '--create-empty-src-dirs', `far:${there}/tree`, `${back}/tree`);
    const wanted = describeTree(tree, { times: true });
    assert.deepEqual(describeTree(`${there}/tree`, { times: true }), wanted);
    assert.deepEqual(describeTree(`${back}/tree`, { times: true }), wanted);
    await rclone('check', tree, `far:${there}/tree`);
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

function whyNoFuse(): string | false {
  return process.getuid?.() === 0 && existsSync('/dev/fuse') ? false : 'only root can mount here';
}

test('sshfs', { skip: skip || missing('sshfs', 'fusermount3') || whyNoFuse() }, async () => {
  const there = place('sshfs');
  const here = makeFolder('mount');
  // sshfs takes options that it knows; a file has room for all.
  const options = clientOptions(server as never).filter((word) => word.includes('='));
  const config = writeScript(options.map((option) => option.replace('=', ' ')));
  const mount = ['-F', config, '-o', `ssh_command=${openSshProgram('ssh')}`, '-f', `${user}@${host}:${there}`, here];
  const program = startProgram(['sshfs', '-p', String(port), ...mount]);
  atEnd(async () => {
    await runProgram(['fusermount3', '-uz', here]);
  });
  const isMounted = () => readFileSync('/proc/mounts', 'utf8').includes(` ${here} `);
  await until(`mounted: ${program.log()}`, () => isMounted() || program.child.exitCode !== null);
  assert.equal(program.child.exitCode, null, program.log());

  // In processes of their own: calls that wait for the mount would hold the harness's pipes as well.
  // Without links: sshfs sets the times of a link by SETSTAT, which goes through it to the file.
  const tree = makeTree({ withBytes: true });
  await run(['cp', '-a', tree, `${here}/tree`]);
  const wanted = describeTree(tree, { modes: true, times: true });
  assert.deepEqual(describeTree(`${there}/tree`, { modes: true, times: true }), wanted);
  const back = makeFolder('back');
  await run(['cp', '-a', `${here}/tree`, `${back}/tree`]);
  assert.deepEqual(describeTree(`${back}/tree`, { modes: true, times: true }), wanted);
  await run(['cp', bigFile(), `${here}/big`]);
  await run(['cmp', bigFile(), `${here}/big`]);
  await run([
    ...['sh', '-ec'],
    'cd "$1"; mv big moved; printf x >> moved; truncate -s 1000 moved; ln moved hard; ln -s moved soft; ' +
      'mkdir gone; rmdir gone; chmod 604 moved; touch -d @1600000000 moved; test "$(readlink soft)" = moved; df . ; rm -r tree; ls -l; ' +
      'printf abc > open; exec 5<>open; printf d >&5; exec 5>&-; test "$(cat open)" = dbc',
    ...['sh', here],
  ]);
  const { size, mode, mtimeMs, nlink } = statSync(`${there}/moved`);
  assert.deepEqual([size, mode & 0o777, mtimeMs, nlink], [1000, 0o604, 1.6e12, 2]);
  assert.deepEqual(readdirSync(there).sort(), ['hard', 'moved', 'open', 'soft']);
  await run(['fusermount3', '-u', here]);
  await until('sshfs has ended', () => program.child.exitCode !== null);
});

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
  const listed = await run(['lftp', '-f', writeScript(lftp)]);
  assert.match(listed.stdout.toString(), /dangling[\s\S]*loop/);
  const script = writeScript([`ls ${there}`]);
  const psftp = await puttyCommand(server as never, ['-b', script, host], { program: 'psftp' });
  assert.match((await must(runProgram(psftp))).stdout.toString(), /lrwxrwxrwx.*dangling[\s\S]*lrwxrwxrwx.*loop/);
});
