/** Transfers that fail: full disks, files that may not be, servers that are killed. The error says where; resume completes. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { type SftpClient, startSftp } from '@nacre/ssh/sftp';
import { get, put, sync } from '@nacre/ssh/transfer';
import { atEnd, makeFolder, missing, nacreProgram, openSshProgram } from '../harness/index.ts';
import { asyncssh, hashOf, ours, overPipes, sftpPeers, theirs } from './_sftp-peers.ts';

const size = 3_000_000;
/** What the small disk holds at first. */
const smallBytes = 1024 * 1024;

/** A disk in memory that is soon full; `grow` makes room. Undefined where this system does not let us. */
function mountSmall(folder: string): { grow(): void } | undefined {
  fs.mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${smallBytes}`, 'nacre-test', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  atEnd(() => void execFileSync('umount', ['-l', folder], { stdio: 'ignore' }));
  return { grow: () => void execFileSync('mount', ['-o', 'remount,size=16m', folder], { stdio: 'ignore' }) };
}

/** The text of a failure, whose file and offset have to be what is on the disk. */
async function failing(work: Promise<unknown>, file: string, partial: string): Promise<string> {
  const error = await work.then(
    () => assert.fail('it did not fail'),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof SshError, String(error));
  const bytes = Number(/; (\d+) bytes are in "([^"]*)", and resume goes on there/.exec(error.message)?.[1]);
  assert.ok(error.message.includes(`"${file}"`) && error.message.includes(`"${partial}"`), error.message);
  assert.ok(bytes > 0 && bytes <= size, error.message);
  return error.message;
}

for (const peer of sftpPeers) {
  test(`${peer.name}: a disk that is full, at the server and here`, {
    skip: peer.skip || missing('root'),
  }, async (t) => {
    const folder = makeFolder('full');
    const disk = join(folder, 'disk');
    const small = mountSmall(disk);
    if (small === undefined) return t.skip('no file system can be mounted here');
    const file = join(folder, 'file');
    fs.writeFileSync(file, randomBytes(size));
    const sftp = await peer.open();
    const target = join(disk, 'f');
    const told = await failing(put(sftp, file, target), file, target);
    assert.match(told, /write "/);
    // Cut where it is whole for certain: nothing behind that is left.
    const there = Number(/; (\d+) bytes/.exec(told)?.[1]);
    assert.equal(fs.statSync(target).size, there);
    small.grow();
    const report = await put(sftp, file, target, { resume: 'hash', verify: true });
    assert.equal(report.bytes, size - there);
    assert.equal(hashOf(target), hashOf(file));

    const other = join(folder, 'here');
    const second = mountSmall(other) ?? assert.fail('one was mounted before');
    const here = join(other, 'f');
    assert.match(await failing(get(sftp, file, here), file, here), /no space left on the disk/);
    assert.ok(fs.statSync(here).size <= smallBytes);
    // A sync tells it in its report, and the next one goes on.
    fs.rmSync(here);
    fs.mkdirSync(join(folder, 'tree'));
    fs.copyFileSync(file, join(folder, 'tree/f'));
    const failed = await sync({ sftp, path: join(folder, 'tree') }, other, { delete: true });
    assert.equal(failed.failures.length, 1);
    assert.ok(!fs.existsSync(here));
    const partial = failed.failures[0]?.partial ?? assert.fail('nothing came');
    assert.equal(fs.statSync(partial.path).size, partial.bytes);
    second.grow();
    const synced = await sync({ sftp, path: join(folder, 'tree') }, other, { delete: true });
    assert.equal(synced.bytes, size - partial.bytes);
    assert.deepEqual(fs.readdirSync(other), ['f']);
    assert.equal(hashOf(here), hashOf(file));
  });
}

for (const [name, program] of [
  [theirs.name, openSshProgram('sftp-server')],
  [ours.name, nacreProgram('sftp-server')],
] as const) {
  const skip = (name === theirs.name ? theirs : ours).skip || missing('root');

  test(`${name}: files that may not be read or written: each is named, and the others are copied`, {
    skip,
  }, async () => {
    const folder = makeFolder('denied');
    fs.chmodSync(folder, 0o755);
    // Somebody else, to whom this folder belongs in part.
    const child = spawn(program, { stdio: ['pipe', 'pipe', 'ignore'], uid: 65_534, gid: 65_534 });
    atEnd(() => void child.kill());
    const sftp = await startSftp(Duplex.from({ readable: child.stdout, writable: child.stdin }));
    const tree = join(folder, 'tree');
    fs.mkdirSync(join(tree, 'closed'), { recursive: true });
    fs.writeFileSync(join(tree, 'open'), 'open');
    fs.writeFileSync(join(tree, 'secret'), 'secret', { mode: 0o600 });
    fs.writeFileSync(join(tree, 'closed/inside'), 'inside');
    fs.chmodSync(join(tree, 'closed'), 0o700);
    const report = await get(sftp, tree, join(folder, 'got'), { recursive: true, continueOnError: true });
    assert.deepEqual([report.files, report.failures.length], [1, 2]);
    for (const { error } of report.failures)
      assert.match(error.message, /^get ".*(secret|closed)": .*Permission denied/);
    fs.mkdirSync(join(folder, 'to'));
    fs.chmodSync(join(folder, 'to'), 0o777);
    fs.mkdirSync(join(folder, 'to/closed'));
    fs.writeFileSync(join(folder, 'to/closed/kept'), 'kept');
    fs.writeFileSync(join(folder, 'to/secret'), 'theirs too', { mode: 0o600 });
    const sent = await put(sftp, `${tree}/.`, join(folder, 'to'), { recursive: true, continueOnError: true });
    assert.deepEqual([sent.files, sent.failures.length], [1, 2]);
    for (const { error } of sent.failures) assert.match(error.message, /^put ".*(secret|inside)": .*Permission denied/);
    assert.equal(fs.readFileSync(join(folder, 'to/secret'), 'utf8'), 'theirs too');
    // What could not be read may be what would have kept the rest.
    const synced = await sync({ sftp, path: tree }, join(folder, 'to'), { delete: true });
    assert.deepEqual([synced.deleted, synced.failures.length], [0, 2]);
    assert.equal(fs.readFileSync(join(folder, 'to/closed/kept'), 'utf8'), 'kept');
  });

  test(`${name}: a server that may write no more, or is killed by it: resume completes`, { skip }, async () => {
    const folder = makeFolder('limit');
    const file = join(folder, 'file');
    const target = join(folder, 'target');
    fs.writeFileSync(file, randomBytes(size));
    const limited = await overPipes('sh', ['-c', `ulimit -f 2000; exec ${program}`]);
    await failing(put(limited, file, target), file, target);
    assert.ok(fs.statSync(target).size <= 2000 * 1024);
    const report = await put(await overPipes(program), file, target, { resume: 'hash', verify: true });
    assert.ok(report.bytes < size);
    assert.equal(hashOf(target), hashOf(file));
  });
}

test('a server that dies at any reply: an error of each file, and never one that is taken for whole', {
  skip: theirs.skip || asyncssh.skip,
}, async () => {
  const folder = makeFolder('dies');
  const tree = join(folder, 'tree');
  fs.mkdirSync(tree);
  for (let at = 0; at < 50; at++) fs.writeFileSync(join(tree, `${at}`), randomBytes(10_000));
  for (const open of [() => overPipes(openSshProgram('sftp-server')), () => asyncssh.open()]) {
    const sftp: SftpClient = await open();
    let done = 0;
    const target = join(folder, `${Math.random()}`);
    const work = get(sftp, tree, target, {
      recursive: true,
      maxFiles: 4,
      onEvent: ({ type }) => {
        if (type === 'done' && ++done === 20) sftp.close();
      },
    });
    await assert.rejects(work, { code: 'closed' });
    const whole = fs.readdirSync(target).filter((name) => hashOf(join(target, name)) === hashOf(join(tree, name)));
    assert.ok(whole.length >= 20 && whole.length < 50, `${whole.length}`);
    await get(await open(), `${tree}/.`, target, { recursive: true, resume: 'hash', verify: true });
    for (const name of fs.readdirSync(tree)) assert.equal(hashOf(join(target, name)), hashOf(join(tree, name)));
  }
});
