/** Syncs with OpenSSH's server, ours and AsyncSSH's; and `nacre sync` through sshd. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { sync } from '@nacre/ssh/transfer';
import {
  clientOptions,
  makeFolder,
  missing,
  nacreProgram,
  type ProgramResult,
  runProgram,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';
import { cutAfter, describeTree, seededRandom, sftpPeers } from './_sftp-peers.ts';

function makeTree(root: string): void {
  fs.mkdirSync(join(root, 'sub/deep'), { recursive: true });
  fs.mkdirSync(join(root, 'empty'));
  fs.writeFileSync(join(root, 'big'), randomBytes(1_200_000));
  fs.writeFileSync(join(root, 'nothing'), '');
  fs.writeFileSync(join(root, '-n\n*'), 'odd');
  fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.of(0xff, 0xfe)]), 'no UTF-8');
  fs.writeFileSync(join(root, 'n'.repeat(255)), 'a long name, which a partial file has to shorten', { mode: 0o640 });
  fs.writeFileSync(join(root, 'l'.repeat(250)), randomBytes(400_000));
  for (let at = 0; at < 300; at++) fs.writeFileSync(join(root, 'sub/deep', `${at}`), `${at}`.repeat(at));
  fs.symlinkSync('big', join(root, 'link'));
  fs.symlinkSync('/nowhere', join(root, 'sub/dangling'));
  fs.utimesSync(join(root, 'big'), 1_000_000_000, 1_000_000_000);
  fs.utimesSync(join(root, 'sub'), 1_100_000_000, 1_100_000_000);
}

for (const peer of sftpPeers) {
  test(`${peer.name}: there, back and on to another folder; changes, and then nothing to do`, {
    skip: peer.skip,
  }, async () => {
    const folder = makeFolder('sync');
    const tree = join(folder, 'tree');
    makeTree(tree);
    const sftp = await peer.open();
    const there = { sftp, path: join(folder, 'there') };
    const options = { links: 'keep', modes: true, delete: true } as const;
    const nothing = { copied: 0, updated: 0, attributes: 0, folders: 0, links: 0, deleted: 0, bytes: 0 };
    const idle = async (run: () => ReturnType<typeof sync>) => {
      const { unchanged, failures, copied, updated, attributes, folders, links, deleted, bytes } = await run();
      assert.deepEqual(failures, []);
      assert.deepEqual({ copied, updated, attributes, folders, links, deleted, bytes }, nothing);
      assert.equal(unchanged, 308);
    };
    await sync(tree, there, { ...options, verify: true });
    assert.deepEqual(describeTree(there.path, true), describeTree(tree, true));
    await idle(() => sync(tree, there, options));
    const back = join(folder, 'back');
    await sync(there, back, { ...options, verify: true });
    assert.deepEqual(describeTree(back, true), describeTree(tree, true));
    await idle(() => sync(there, back, options));
    const other = { sftp: await peer.open(), path: join(folder, 'other') };
    await sync(there, other, options);
    assert.deepEqual(describeTree(other.path, true), describeTree(tree, true));

    fs.appendFileSync(join(tree, 'big'), 'more');
    fs.rmSync(join(tree, 'sub/deep'), { recursive: true });
    fs.writeFileSync(join(tree, 'sub/deep'), 'a file now');
    fs.rmSync(join(tree, 'link'));
    fs.mkdirSync(join(tree, 'link'));
    fs.writeFileSync(join(tree, 'link/x'), 'x');
    fs.chmodSync(join(tree, 'nothing'), 0o600);
    fs.rmSync(join(tree, 'empty'), { recursive: true });
    for (const [from, to, at] of [
      [tree, there, there.path],
      [there, back, back],
      [there, other, other.path],
    ] as const) {
      const plan = await sync(from, to, { ...options, dryRun: true });
      const report = await sync(from, to, options);
      const { copied, updated, attributes, folders, deleted } = report;
      assert.deepEqual([copied, updated, attributes, folders], [2, 1, 1, 1]);
      assert.equal(deleted, plan.deleted);
      assert.equal(plan.plan.length, copied + updated + attributes + folders + deleted);
      assert.deepEqual(describeTree(at, true), describeTree(tree, true));
    }
    // The same length and time, and other bytes: only a hash tells.
    const { atime, mtime } = fs.statSync(join(tree, 'big'));
    const fd = fs.openSync(join(tree, 'big'), 'r+');
    fs.writeSync(fd, 'other', 1000);
    fs.closeSync(fd);
    fs.utimesSync(join(tree, 'big'), atime, mtime);
    assert.equal((await sync(tree, there, options)).updated, 0);
    assert.equal((await sync(tree, there, { ...options, compare: 'hash' })).updated, 1);
    assert.equal((await sync(there, back, { ...options, compare: 'hash' })).updated, 1);
    assert.deepEqual(describeTree(back, true), describeTree(tree, true));
  });

  test(`${peer.name}: cut at random, again and again: no file is ever half of one, and it ends`, {
    skip: peer.skip,
  }, async (t) => {
    const random = seededRandom();
    t.diagnostic(`seed ${random.seed}`);
    const folder = makeFolder('sync');
    const tree = join(folder, 'tree');
    makeTree(tree);
    const old = Buffer.from('what was there before');
    for (const way of ['up', 'down'] as const) {
      const target = join(folder, way);
      fs.mkdirSync(target);
      fs.writeFileSync(join(target, 'big'), old);
      const expected = fs.readFileSync(join(tree, 'big'));
      let tries = 0;
      for (let isDone = false; !isDone; tries++) {
        const sftp = await peer.open(tries < 12 ? cutAfter(2000 + random.below(400_000)) : undefined);
        const place = { sftp, path: way === 'up' ? target : tree };
        isDone = await sync(way === 'up' ? tree : place, way === 'up' ? place : target, {
          links: 'keep',
          modes: true,
          delete: true,
        }).then(
          ({ failures }) => failures.length === 0,
          () => false,
        );
        const now = fs.readFileSync(join(target, 'big'));
        assert.ok(now.equals(old) || now.equals(expected), `seed ${random.seed}, ${way}, try ${tries}`);
        assert.ok(tries < 30, `seed ${random.seed}`);
      }
      assert.ok(tries > 2, `${tries}`);
      assert.deepEqual(describeTree(target, true), describeTree(tree, true), `seed ${random.seed}, ${way}`);
    }
  });
}

const skip = missing('nacre:nacre', 'sshd', 'ssh');
let server: TestServer;

before(async () => {
  if (!skip) server = await startOpenSshServer();
});

function run(argv: readonly string[]): Promise<ProgramResult> {
  return runProgram([nacreProgram('nacre'), 'sync', ...clientOptions(server), ...argv], { timeoutMs: 60_000 });
}

async function must(argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run(argv);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  return stdout.toString();
}

test('nacre sync: a plan, what it says, deleting, leaving out, back, and from host to host', { skip }, async () => {
  const folder = makeFolder('sync');
  const tree = join(folder, 'tree');
  fs.mkdirSync(join(tree, 'sub'), { recursive: true });
  fs.writeFileSync(join(tree, 'a'), 'a');
  fs.writeFileSync(join(tree, 'sub/b\x1b[31m'), 'b');
  fs.writeFileSync(join(tree, 'sub/left.tmp'), 'out');
  fs.symlinkSync('a', join(tree, 'link'));
  const there = `${server.host}:${join(folder, 'there')}`;
  const plan = await must(['-n', '-a', '--exclude', '*.tmp', tree, there]);
  assert.deepEqual(plan.trimEnd().split('\n').sort(), [
    'copy   a',
    'copy   sub/b\\033[31m',
    'link   link',
    'mkdir  ./',
    'mkdir  sub/',
    'would be: 2 copied, 2 folders made, 1 link made',
  ]);
  assert.ok(!fs.existsSync(join(folder, 'there')));
  assert.match(
    await must(['-a', '--exclude=*.tmp', tree, there]),
    /^2 copied, 2 folders made, 1 link made; 2 bytes in \d+\.\d s, .*KB\/s\n$/,
  );
  assert.deepEqual(Object.keys(describeTree(join(folder, 'there'))).sort(), ['/a', '/link', '/sub', '/sub/b\x1b[31m']);
  assert.equal(await must(['-a', '--exclude', '*.tmp', tree, there]), '3 unchanged\n');
  fs.writeFileSync(join(folder, 'there/extra'), 'x');
  fs.writeFileSync(join(folder, 'there/mine.tmp'), 'x');
  fs.writeFileSync(join(tree, 'a'), 'changed');
  const said = await must(['-av', '--delete', '--exclude', '*.tmp', tree, there]);
  assert.match(said, /^update a {2}\(size\)\ndelete extra\n1 updated, 1 deleted, 2 unchanged; 7 bytes in /);
  assert.ok(fs.existsSync(join(folder, 'there/mine.tmp')));
  assert.equal(await must(['-q', '-a', there, join(folder, 'back')]), '');
  assert.deepEqual(describeTree(join(folder, 'back'), true), describeTree(join(folder, 'there'), true));
  await must(['-a', '-S', 'ssh', there, `sftp://${server.host}:${server.port}/${join(folder, 'other')}`]);
  assert.deepEqual(describeTree(join(folder, 'other'), true), describeTree(join(folder, 'there'), true));
  const json = JSON.parse(await must(['--json', '--dry-run', '-a', tree, there])) as Record<string, unknown>;
  assert.deepEqual([json.version, json.dryRun, json.copied, json.failures], [1, true, 1, []]);
});

test('nacre sync: what ends with 1, with 255, and with a usage text', { skip }, async () => {
  const folder = makeFolder('sync');
  const tree = join(folder, 'tree');
  fs.mkdirSync(tree);
  fs.writeFileSync(join(tree, 'a'), 'a');
  fs.mkdirSync(join(folder, 'there/a'), { recursive: true });
  fs.writeFileSync(join(folder, 'there/extra'), 'x');
  fs.writeFileSync(join(tree, 'b'), 'b');
  const there = `${server.host}:${join(folder, 'there')}`;
  const failed = await run([tree, there]);
  assert.deepEqual([failed.status, failed.stdout.toString().split(';')[0]], [1, '1 copied, 1 failed']);
  assert.match(
    failed.stderr,
    /^nacre sync: sync ".*\/a": something of another kind stands in its place \(Remove it first/,
  );
  const missingSource = await run([join(folder, 'none'), there]);
  assert.deepEqual([missingSource.status, missingSource.stdout.toString()], [1, '']);
  assert.match(missingSource.stderr, /no such file or directory/);
  const refused = await runProgram([
    nacreProgram('nacre'),
    'sync',
    '--port',
    '1',
    '-o',
    'BatchMode=yes',
    tree,
    '127.0.0.1:x',
  ]);
  assert.equal(refused.status, 255);
  assert.match(refused.stderr, /^ssh: connect to host 127\.0\.0\.1 port 1: Connection refused/);
  for (const [argv, words] of [
    [[tree, join(folder, 'x')], /one of both places has to be on a server/],
    [['--delete', tree, `${server.host}:`], /names no folder, and --delete would clear the home folder/],
    [[tree], /^usage: nacre sync/],
    [['-oProxyCommand=false', tree, '-oProxyCommand=x:y'], /^usage: nacre sync/],
    [['--bwlimit', 'x', tree, there], /--bwlimit: "x" is no number/],
    [['--', tree, '-oProxyCommand=x:y'], /is no place/],
  ] as const) {
    const { status, stderr } = await run(argv);
    assert.equal(status, 1, stderr);
    assert.match(stderr, words);
  }
  assert.deepEqual(fs.readdirSync(join(folder, 'there')).sort(), ['a', 'b', 'extra']);
});
