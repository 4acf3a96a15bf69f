/** Transfers of every kind of file and tree, both ways, with OpenSSH's server, ours and AsyncSSH's. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { copy, get, put } from '@nacre/ssh/transfer';
import { makeFolder } from '../harness/index.ts';
import { describeTree, hashOf, seededRandom, sftpPeers } from './_sftp-peers.ts';

/** Of the file with holes; the issue's own number is 5 GB (see CONTRIBUTING.md). */
const sparseBytes = Number(process.env.NACRE_SPARSE_BYTES ?? 64_000_000);

/** A file with little in it: some blocks at places that a seed chose, and its ends. */
function makeSparse(file: string, size: number, random: { below(bound: number): number }): void {
  const fd = fs.openSync(file, 'w');
  fs.ftruncateSync(fd, size);
  for (let at = 0; at < 20; at++) fs.writeSync(fd, randomBytes(1000), 0, 1000, random.below(size - 1000));
  fs.writeSync(fd, 'begin', 0);
  fs.writeSync(fd, 'end', size - 3);
  fs.closeSync(fd);
}

/** Names that have gone wrong somewhere; bytes, since some are no text. */
function oddNames(): Buffer[] {
  const long = Buffer.alloc(255, 'long ');
  const odd = [
    '-rf',
    '--',
    '- ',
    ' ',
    '~',
    '#',
    'a\nb',
    'a\rb',
    '\x1b[31m',
    '\x7f',
    '*?[x]{a,b}',
    '$(id)`id`',
    '\'"\\',
  ];
  const bytes = ['\xff\xfe', '\xc3\x28', 'ü', '...', '.hidden', 'CON', 'a:b', '%s%n', '\xed\xa0\x80'];
  return [...odd.map((name) => Buffer.from(name)), ...bytes.map((name) => Buffer.from(name, 'latin1')), long];
}

function makeTree(root: string): void {
  const deep = Array.from({ length: 150 }, (_, depth) => `d${depth}`).join('/');
  fs.mkdirSync(join(root, deep), { recursive: true });
  fs.writeFileSync(join(root, deep, 'leaf'), 'leaf');
  fs.mkdirSync(join(root, 'empty'));
  for (const [name, size] of [
    ['nothing', 0],
    ['one', 1],
    ['million', 1_000_000],
    ['edge', 261_120],
    ['past', 261_121],
    ['block', 32_768],
  ] as const) {
    fs.writeFileSync(join(root, name), randomBytes(size), { mode: size === 1 ? 0o600 : 0o644 });
  }
  for (const name of oddNames()) fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), name]), name);
  fs.mkdirSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from('-\xfd\n', 'latin1')]));
}

for (const peer of sftpPeers) {
  test(`${peer.name}: 0 bytes, 1 byte, 1 MB, odd names, folders in folders: there and back, and from server to server`, {
    skip: peer.skip,
  }, async () => {
    const folder = makeFolder('whole');
    const tree = join(folder, 'tree');
    makeTree(tree);
    const expected = describeTree(tree, true);
    const sftp = await peer.open();
    const options = { recursive: true, preserve: true, verify: true } as const;
    await put(sftp, tree, join(folder, 'there'), options);
    assert.deepEqual(describeTree(join(folder, 'there'), true), expected);
    await get(sftp, join(folder, 'there'), join(folder, 'back'), options);
    assert.deepEqual(describeTree(join(folder, 'back'), true), expected);
    await copy(sftp, join(folder, 'there'), await peer.open(), join(folder, 'copied'), options);
    assert.deepEqual(describeTree(join(folder, 'copied'), true), expected);
  });

  test(`${peer.name}: links skipped, followed and kept, and none followed in circles`, {
    skip: peer.skip,
  }, async () => {
    const folder = makeFolder('whole');
    const tree = join(folder, 'tree');
    fs.mkdirSync(join(tree, 'a/b'), { recursive: true });
    fs.writeFileSync(join(tree, 'a/file'), 'file');
    fs.symlinkSync('a/file', join(tree, 'to-file'));
    fs.symlinkSync('b', join(tree, 'a/to-folder'));
    fs.writeFileSync(join(tree, 'a/b/inside'), 'inside');
    const plain = describeTree(tree);
    fs.symlinkSync('../..', join(tree, 'a/b/up'));
    fs.symlinkSync('itself', join(tree, 'itself'));
    fs.symlinkSync('/nowhere/at all', join(tree, 'dangling'));
    const sftp = await peer.open();
    for (const [way, run] of [
      ['put', put.bind(undefined, sftp, tree)],
      ['get', get.bind(undefined, sftp, tree)],
    ] as const) {
      const at = (name: string) => join(folder, `${way} ${name}`);
      const skipped = await run(at('skipped'), { recursive: true });
      assert.deepEqual([skipped.files, skipped.skipped], [2, 5], way);
      const kept = await run(at('kept'), { recursive: true, links: 'keep' });
      assert.equal(kept.links, 5, way);
      assert.deepEqual(describeTree(at('kept')), describeTree(tree), way);
      const followed = await run(at('followed'), { recursive: true, links: 'follow', continueOnError: true });
      const found = describeTree(at('followed'));
      assert.equal(found['/to-file'], plain['/a/file'], way);
      assert.equal(found['/a/to-folder/inside'], plain['/a/b/inside'], way);
      // What leads nowhere, to itself, or back, at each place that it was reached by.
      const texts = followed.failures.map(({ source }) => source.toString().replace(/^.*\//, ''));
      assert.deepEqual([...new Set(texts)].sort(), ['dangling', 'itself', 'to-folder', 'up'], way);
    }
  });

  test(`${peer.name}: a file with holes, kept as holes, and past the fourth gigabyte`, {
    skip: peer.skip,
  }, async (t) => {
    const random = seededRandom();
    t.diagnostic(`seed ${random.seed}`);
    const folder = makeFolder('whole');
    const file = join(folder, 'sparse');
    makeSparse(file, sparseBytes, random);
    const sftp = await peer.open();
    const expected = hashOf(file);
    await put(sftp, file, join(folder, 'there'), { sparse: true });
    await get(sftp, join(folder, 'there'), join(folder, 'back'), { sparse: true });
    for (const name of ['there', 'back']) {
      const { size, blocks } = fs.statSync(join(folder, name));
      assert.equal(size, sparseBytes);
      assert.ok(blocks * 512 < 20 * 512 * 1024, `${name} takes ${blocks * 512} bytes of the disk`);
      assert.equal(hashOf(join(folder, name)), expected, `seed ${random.seed}`);
    }
    // The last of a large one: positions that do not fit into 32 bits.
    const large = join(folder, 'large');
    const rest = 5_000_000;
    makeSparse(large, 5_000_000_000, { below: (bound) => bound - rest + random.below(rest - 1000) });
    for (const [name, run] of [
      ['large there', put.bind(undefined, sftp, large)],
      ['large back', get.bind(undefined, sftp, large)],
    ] as const) {
      const target = join(folder, name);
      fs.writeFileSync(target, '');
      fs.truncateSync(target, 5_000_000_000 - rest);
      const report = await run(target, { resume: 'length', sparse: true });
      assert.equal(report.bytes, rest);
      assert.deepEqual(readTail(target, rest), readTail(large, rest));
    }
  });
}

function readTail(file: string, bytes: number): Buffer {
  const tail = Buffer.alloc(bytes);
  const fd = fs.openSync(file, 'r');
  fs.readSync(fd, tail, 0, bytes, fs.fstatSync(fd).size - bytes);
  fs.closeSync(fd);
  return tail;
}
