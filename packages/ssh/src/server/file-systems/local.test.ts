/** Files of the disk, whole and below a root, with calls made at once and by threads. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { statusOf } from '../../sftp/server/failure.ts';
import { type FileHandle, type FileSystem, fileError, type OpenRequest, systemCode } from '../../sftp/server/index.ts';
import { localFileSystem } from './local.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nacre-files-')));
after(() => rmSync(folder, { recursive: true, force: true }));
let made = 0;
function makeFolder(): string {
  const path = join(folder, String(made++));
  mkdirSync(path);
  return path;
}

const bytes = (text: string) => Buffer.from(text);
const reading: OpenRequest = {
  ...{ read: true, write: false, append: false, create: false },
  truncate: false,
  exclusive: false,
  mode: 0o644,
};
const writing: OpenRequest = { ...reading, write: true, create: true };
/** Linux holds what a call is made to by its descriptor. */
const isLinux = process.platform === 'linux';

const rejects = (code: string, call: () => unknown) =>
  assert.rejects(
    async () => call(),
    (error) => systemCode(error) === code,
    code,
  );

async function contentOf(files: FileSystem, path: string): Promise<string> {
  const file = (await files.open(bytes(path), reading)) as Required<FileHandle>;
  const into = Buffer.alloc(1000);
  const count = await file.read(into, 0);
  await file.close();
  return into.toString('latin1', 0, count);
}

async function namesOf(files: FileSystem, path: string): Promise<string[]> {
  const listing = await files.openDirectory(bytes(path));
  const names: string[] = [];
  for (let entries = await listing.read(); entries !== undefined; entries = await listing.read()) {
    names.push(...entries.map(({ name }) => name.toString('latin1')));
  }
  await listing.close();
  return names.sort();
}

const openDescriptors = () => (isLinux ? namesOfDescriptors() : 0);
function namesOfDescriptors(): number {
  let count = 0;
  for (let fd = 0; fd < 300; fd++) if (existsSync(`/proc/self/fd/${fd}`)) count++;
  return count;
}

for (const blocking of [true, false]) {
  for (const rooted of [true, false]) {
    const kind = `${rooted ? 'below a root' : 'the whole disk'}, ${blocking ? 'at once' : 'by threads'}`;
    test(`${kind}: every call, and what the disk says of it`, async () => {
      const top = makeFolder();
      const before = openDescriptors();
      const place = rooted ? { root: top } : { startDirectory: top };
      const files = localFileSystem({ ...place, blocking }) as Required<FileSystem>;
      const at = (name: string) => join(top, name);
      await files.makeDirectory(bytes('sub/'), 0o700);
      assert.equal(statSync(at('sub')).mode & 0o777, 0o700);

      const file = (await files.open(bytes('sub/file'), { ...writing, mode: 0o640 })) as Required<FileHandle>;
      const content = Buffer.alloc(300_000, 'content');
      await file.write(content.subarray(0, 200_000), 0);
      await file.write(content.subarray(200_000), 200_000);
      assert.ok(readFileSync(at('sub/file')).equals(content));
      const into = Buffer.alloc(10);
      assert.deepEqual([await file.read(into, 299_996), await file.read(into, 300_000)], [4, 0]);
      await file.sync();
      const times = { accessed: 1000, modified: 2000 };
      await file.setStat({
        size: 3,
        mode: 0o600,
        times,
        owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
      });
      const attributes = await file.stat();
      assert.deepEqual([attributes.size, attributes.mode, attributes.times], [3, 0o100600, times]);
      assert.equal((await file.statFileSystem()).maxNameBytes, 255n);
      const second = await files.open(bytes('sub/../sub/file'), reading);
      assert.equal(second.identity, file.identity);
      await second.close();
      await file.close();
      // A closed file is not the one that the system gives its number to.
      await rejects('EBADF', () => file.read(into, 0));
      await rejects('EBADF', () => file.close());

      await files.symlink(bytes('file'), bytes('sub/link'));
      assert.equal(readlinkSync(at('sub/link')), 'file');
      assert.equal(String(await files.readLink(bytes('sub/link'))), 'file');
      assert.equal((await files.stat(bytes('sub/link'))).mode, 0o100600);
      assert.equal(((await files.lstat(bytes('sub/link'))).mode ?? 0) & 0o170000, 0o120000);
      assert.equal(String(await files.realPath(bytes('sub/./link'))), rooted ? '/sub/file' : at('sub/file'));
      assert.equal(String(await files.realPath(bytes('sub/new'))), rooted ? '/sub/new' : at('sub/new'));
      symlinkSync('nowhere', at('sub/dangling'));
      assert.equal(String(await files.realPath(bytes('sub/dangling'))), rooted ? '/sub/nowhere' : at('sub/nowhere'));
      await rejects('ENOENT', () => files.realPath(bytes('none/new')));

      await files.setStat(bytes('sub/link'), { size: 2, mode: 0o4711, times: { accessed: 5, modified: 6 } });
      assert.deepEqual([statSync(at('sub/file')).size, statSync(at('sub/file')).mode & 0o7777], [2, 0o4711]);
      await files.setLinkStat(bytes('sub/link'), { times: { accessed: 7, modified: 8 } });
      assert.deepEqual([lstatSync(at('sub/link')).mtimeMs, statSync(at('sub/link')).mtimeMs], [8000, 6000]);
      if (isLinux) {
        await files.setLinkStat(bytes('sub/file'), { mode: 0o600 });
        assert.equal(statSync(at('sub/file')).mode & 0o7777, 0o600);
        await rejects('ENOSYS', () => files.setLinkStat(bytes('sub/link'), { mode: 0o777 }));
      }

      const odd = Buffer.from([0x73, 0x75, 0x62, 0x2f, 0xff, 0x0a]);
      if (isLinux) {
        await (await files.open(odd, writing)).close();
        assert.deepEqual(await namesOf(files, 'sub'), ['.', '..', 'dangling', 'file', 'link', '\xff\n'].sort());
        assert.ok((await files.realPath(odd)).subarray(-2).equals(odd.subarray(-2)));
        await files.remove(odd);
      }
      await files.link(bytes('sub/file'), bytes('sub/second'));
      assert.equal(statSync(at('sub/second')).nlink, 2);
      await rejects('EEXIST', () => files.rename(bytes('sub/file'), bytes('sub/second'), { replace: false }));
      await files.rename(bytes('sub/file'), bytes('sub/third'), { replace: false });
      assert.deepEqual([existsSync(at('sub/file')), statSync(at('sub/third')).nlink], [false, 2]);
      writeFileSync(at('sub/file'), 'other');
      await files.rename(bytes('sub/file'), bytes('sub/third'), { replace: true });
      assert.equal(readFileSync(at('sub/third'), 'utf8'), 'other');
      await rejects('EEXIST', () => files.rename(bytes('sub/link'), bytes('sub/third'), { replace: false }));
      await files.rename(bytes('sub'), bytes('moved'), { replace: false });
      assert.equal((await files.statFileSystem(bytes('moved'))).maxNameBytes, 255n);

      await rejects('ENOENT', () => files.open(bytes('none'), reading));
      await rejects('EEXIST', () => files.open(bytes('moved/third'), { ...writing, exclusive: true }));
      await rejects('EEXIST', () => files.open(bytes('moved/dangling'), { ...writing, exclusive: true }));
      await rejects('ENOTDIR', () => files.stat(bytes('moved/third/x')));
      await rejects('ENOENT', () => files.stat(Buffer.alloc(0)));
      await rejects('ENOTEMPTY', () => files.removeDirectory(bytes('moved')));
      await rejects('ENOTDIR', () => files.openDirectory(bytes('moved/third')));
      for (const name of await namesOf(files, 'moved')) {
        if (name !== '.' && name !== '..') await files.remove(bytes(`moved/${name}`));
      }
      await files.removeDirectory(bytes('moved'));
      assert.ok(!existsSync(at('moved')));
      assert.equal(openDescriptors(), before);
    });
  }

  test(`nothing leads out of a root, ${blocking ? 'at once' : 'by threads'}`, async () => {
    const top = makeFolder();
    const root = join(top, 'root');
    mkdirSync(join(root, 'd'), { recursive: true });
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(top, 'secret'), 'secret');
    mkdirSync(join(top, 'outside'));
    writeFileSync(join(root, 'd/f'), 'inside');
    const links: Record<string, string> = {
      absolute: join(top, 'secret'),
      relative: '../secret',
      deep: '../../../../../../../../../../etc/passwd',
      folder: '../outside',
      rootFolder: '/',
      up: '..',
      itself: 'itself',
    };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, 'd', name));
    const before = openDescriptors();
    const files = localFileSystem({ root, blocking }) as Required<FileSystem>;
    const missing = [
      ...['d/absolute', 'd/relative', 'd/deep', 'd/folder/x', '../secret', '/../../secret', 'd/../../secret'],
      ...[
        join(top, 'secret'),
        'd/up/../../secret',
        'd/rootFolder/../secret',
        'd/up/../d/relative',
        '/proc/self/root/etc',
      ],
    ];
    const two = (path: string) => [bytes(path), bytes('d/copy')] as const;
    for (const path of missing) {
      // The same answer, whether it is there outside or nowhere.
      await rejects('ENOENT', () => files.stat(bytes(path)));
      await rejects('ENOENT', () => files.open(bytes(path), reading));
      await rejects('ENOENT', () => files.openDirectory(bytes(path)));
      await rejects('ENOENT', () => files.setStat(bytes(path), { mode: 0o777 }));
      await rejects('ENOENT', () => files.statFileSystem(bytes(path)));
      if (!path.startsWith('d/') || path.includes('..')) {
        if (path.endsWith('relative')) continue;
        await rejects('ENOENT', () => files.remove(bytes(path)));
        await rejects('ENOENT', () => files.link(...two(path)));
        await rejects('ENOENT', () => files.rename(...two(path), { replace: true }));
      }
    }
    await rejects('ELOOP', () => files.stat(bytes('d/itself')));
    // What a link leads to is what it leads to inside.
    await (await files.open(bytes('d/relative'), writing)).close();
    assert.ok(existsSync(join(root, 'secret')));
    assert.equal(readFileSync(join(top, 'secret'), 'utf8'), 'secret');
    assert.equal(await contentOf(files, '/d/rootFolder/d/up/d/f'), 'inside');
    assert.equal(String(await files.realPath(bytes('d/rootFolder/d/up'))), '/');
    assert.equal(String(await files.realPath(bytes('../../..'))), '/');
    // A new link, a rename, a hard link: the other end stays inside as well.
    await files.symlink(bytes(join(top, 'secret')), bytes('d/new'));
    await rejects('ENOENT', () => files.open(bytes('d/new'), reading));
    await files.rename(bytes('d/f'), bytes('../../moved'), { replace: true });
    assert.ok(existsSync(join(root, 'moved')) && !existsSync(join(folder, 'moved')));
    await files.link(bytes('d/absolute'), bytes('d/hard'));
    assert.ok(lstatSync(join(root, 'd/hard')).isSymbolicLink());
    await files.setLinkStat(bytes('d/absolute'), { times: { accessed: 1, modified: 2 } });
    assert.notEqual(statSync(join(top, 'secret')).mtimeMs, 2000);
    // ".." in the root's listing says nothing of what is above.
    const listing = await files.openDirectory(bytes('/'));
    const [own, above] = (await listing.read()) ?? [];
    assert.deepEqual([above?.name.toString(), above?.attributes], ['..', own?.attributes]);
    await listing.close();
    assert.equal(openDescriptors(), before);
  });
}

test('links and ".." that make a short path endless are given up', async () => {
  const root = makeFolder();
  mkdirSync(join(root, 'a'));
  for (let at = 0; at < 45; at++) symlinkSync(at === 0 ? 'a' : `l${at - 1}`, join(root, `l${at}`));
  const files = localFileSystem({ root, blocking: true });
  assert.ok(await files.stat(bytes('l39')));
  await rejects('ELOOP', () => files.stat(bytes('l40')));
  let path = '';
  for (let depth = 0; depth < 400; depth++) path += '/a';
  mkdirSync(join(root, path.slice(0, 800)), { recursive: true });
  await rejects('ELOOP', () => files.stat(bytes(path + '/..'.repeat(399))));
});

test('a folder that turns into a link and back, all the while: nothing outside is read, written or made', {
  skip: !isLinux && 'only Linux has descriptors as paths',
}, async () => {
  const top = makeFolder();
  const root = join(top, 'root');
  mkdirSync(join(root, 'folder'), { recursive: true });
  mkdirSync(join(top, 'outside'));
  writeFileSync(join(root, 'folder/f'), 'inside');
  writeFileSync(join(top, 'outside/f'), 'secret');
  symlinkSync(join(top, 'outside'), join(root, 'link'));
  chmodSync(join(top, 'outside/f'), 0o644);
  const files = localFileSystem({ root, blocking: false }) as Required<FileSystem>;
  let isOver = false;
  const swap = (async () => {
    for (let round = 0; !isOver; round++) {
      renameSync(join(root, 'folder'), join(root, 'kept'));
      renameSync(join(root, 'link'), join(root, 'folder'));
      await new Promise((resolve) => setImmediate(resolve));
      renameSync(join(root, 'folder'), join(root, 'link'));
      renameSync(join(root, 'kept'), join(root, 'folder'));
      if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const seen = new Map<string, number>();
  const note = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  for (let round = 0; round < 400; round++) {
    const calls: (() => unknown)[] = [
      async () => note(await contentOf(files, 'folder/f')),
      async () => (await files.open(bytes('folder/made'), writing)).close(),
      () => files.makeDirectory(bytes('folder/sub'), 0o755),
      () => files.setStat(bytes('folder/f'), { mode: 0o600, size: 6 }),
      () => files.symlink(bytes('x'), bytes('folder/l')),
      () => files.rename(bytes('folder/made'), bytes('folder/renamed'), { replace: true }),
      () => files.remove(bytes('folder/f/../renamed')),
      async () => note((await namesOf(files, 'folder')).includes('f') ? 'listed' : 'empty'),
    ];
    const results = await Promise.allSettled(calls.map(async (call) => call()));
    for (const result of results)
      if (result.status === 'rejected') note(systemCode(result.reason) ?? String(result.reason));
    if (lstatSync(join(root, 'kept'), { throwIfNoEntry: false }) === undefined) {
      try {
        writeFileSync(join(root, 'folder/f'), 'inside');
      } catch {
        // Just being swapped.
      }
    }
  }
  isOver = true;
  await swap;
  assert.ok((seen.get('inside') ?? 0) > 0, 'the race was never run');
  assert.ok((seen.get('ENOENT') ?? 0) > 0, 'the link was never met');
  assert.equal(seen.get('secret'), undefined);
  const outside = localFileSystem({ root: join(top, 'outside') });
  assert.deepEqual(await namesOf(outside, '/'), ['.', '..', 'f']);
  assert.deepEqual(
    [readFileSync(join(top, 'outside/f'), 'utf8'), statSync(join(top, 'outside/f')).mode & 0o777],
    ['secret', 0o644],
  );
});

test('a pipe that nobody writes to holds nobody up', { skip: !isLinux && 'made with mkfifo' }, async () => {
  const { spawnSync } = await import('node:child_process');
  const top = makeFolder();
  assert.equal(spawnSync('mkfifo', [join(top, 'pipe')]).status, 0);
  const files = localFileSystem({ root: top });
  const opened = await Promise.all(Array.from({ length: 8 }, async () => files.open(bytes('pipe'), reading)));
  await rejects('ESPIPE', () => (opened[0] as Required<FileHandle>).read(Buffer.alloc(1), 0));
  for (const file of opened) await file.close();
  await rejects('ENXIO', () => files.open(bytes('pipe'), { ...reading, read: false, write: true }));
});

test('hard links are what they are: only who can make them decides', async () => {
  const top = makeFolder();
  mkdirSync(join(top, 'root'));
  writeFileSync(join(top, 'other'), 'shared');
  linkSync(join(top, 'other'), join(top, 'root/link'));
  assert.equal(await contentOf(localFileSystem({ root: join(top, 'root') }), 'link'), 'shared');
  unlinkSync(join(top, 'root/link'));
});

test('errors of files have the statuses of the system’s', () => {
  assert.equal(statusOf(fileError('ENOENT')), 2);
  assert.equal(systemCode(fileError('ENOTEMPTY')), 'ENOTEMPTY');
  assert.equal(systemCode(null), undefined);
});
