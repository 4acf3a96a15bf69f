/** Files in memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { type FileHandle, type FileSystem, type OpenRequest, systemCode } from '../../sftp/server/index.ts';
import { type MemoryFileSystemOptions, memoryFileSystem } from './memory.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const writing: OpenRequest = {
  ...{ read: true, write: true, append: false, create: true },
  truncate: false,
  exclusive: false,
  mode: 0o644,
};

/** Everything here is there at once. */
type AtOnce<T> = {
  [K in keyof Required<T>]: Required<T>[K] extends (...parameters: infer P) => infer R
    ? (...parameters: P) => Awaited<R>
    : T[K];
};

function start(options: MemoryFileSystemOptions = {}) {
  const files = memoryFileSystem(options) as AtOnce<FileSystem>;
  const open = (path: string, request: Partial<OpenRequest> = {}) =>
    files.open(bytes(path), { ...writing, ...request }) as AtOnce<FileHandle>;
  const content = (path: string) => {
    const into = Buffer.alloc(1000);
    const count = open(path, { create: false, write: false }).read(into, 0);
    return into.toString('latin1', 0, count);
  };
  return { files, open, content };
}

const fails = (code: string, call: () => unknown) =>
  assert.throws(call, (error) => error instanceof SshError && systemCode(error) === code, code);

test('files: holes are zeros, what was cut off does not come back, an open file outlives its name', () => {
  const { files, open, content } = start({ files: { '/d/f': 'abcdef' } });
  const file = open('/d/f');
  file.write(bytes('X'), 9);
  assert.equal(content('/d/f'), 'abcdef\0\0\0X');
  file.setStat({ size: 2 });
  file.setStat({ size: 4 });
  assert.equal(content('/d/f'), 'ab\0\0');
  open('/d/f', { append: true }).write(bytes('!'), 0);
  assert.equal(content('/d/f'), 'ab\0\0!');
  files.remove(bytes('/d/f'));
  fails('ENOENT', () => files.stat(bytes('/d/f')));
  const into = Buffer.alloc(2);
  assert.deepEqual([file.read(into, 0), into.toString()], [2, 'ab']);
  file.close();
  open('/d/f', { truncate: true });
  assert.equal(content('/d/f'), '');
  fails('EEXIST', () => open('/d/f', { exclusive: true }));
  fails('EISDIR', () => open('/d'));
  fails('ENOENT', () => open('/none/f'));
  fails('ENOTDIR', () => open('/d/f/g'));
  fails('ENOENT', () => open('/new', { create: false }));
  fails('ENOENT', () => open(''));
  fails('ENAMETOOLONG', () => open(`/${'n'.repeat(256)}`));
  assert.equal(open('/ro', { write: false }).write, undefined);
  assert.equal(open('/wo', { read: false }).read, undefined);
});

test('renames: a taken name, folders into themselves, a file onto itself', () => {
  const { files, content } = start({ files: { '/a': 'A', '/b': 'B', '/d/e/f': 'F', '/empty/x': '' } });
  const rename = (from: string, to: string, replace = true) => files.rename(bytes(from), bytes(to), { replace });
  fails('EEXIST', () => rename('/a', '/b', false));
  rename('/a', '/b');
  assert.equal(content('/b'), 'A');
  fails('ENOENT', () => rename('/a', '/c'));
  fails('EINVAL', () => rename('/d', '/d/e/d'));
  fails('ENOTEMPTY', () => rename('/empty', '/d'));
  fails('ENOTDIR', () => rename('/d', '/b'));
  fails('EISDIR', () => rename('/b', '/d'));
  fails('EBUSY', () => rename('/', '/x'));
  rename('/b', '/b');
  files.link(bytes('/b'), bytes('/c'));
  rename('/b', '/c');
  assert.equal(content('/b'), 'A');
  files.remove(bytes('/empty/x'));
  rename('/d', '/empty');
  assert.equal(content('/empty/e/f'), 'F');
  fails('ENOTEMPTY', () => files.removeDirectory(bytes('/empty')));
  fails('EISDIR', () => files.remove(bytes('/empty')));
  fails('ENOTDIR', () => files.removeDirectory(bytes('/c')));
  fails('EBUSY', () => files.removeDirectory(bytes('/')));
  fails('EPERM', () => files.link(bytes('/empty'), bytes('/x')));
});

test('links: relative, absolute, in a circle, upwards, dangling', () => {
  const { files, open, content } = start({ files: { '/d/f': 'F' }, startDirectory: '/d' });
  const link = (target: string, path: string) => files.symlink(bytes(target), bytes(path));
  link('f', '/d/relative');
  link('/d/../d/./f', '/absolute');
  link('../../../d', '/d/up');
  link('two', '/one');
  link('one', '/two');
  link('made', '/d/dangling');
  for (const path of ['relative', '/absolute', '/d/up/relative', 'up/up/f']) assert.equal(content(path), 'F');
  fails('ELOOP', () => files.stat(bytes('/one')));
  assert.equal(String(files.realPath(bytes('up/relative'))), '/d/f');
  assert.equal(String(files.realPath(bytes('../../..'))), '/');
  assert.equal(String(files.realPath(bytes('new'))), '/d/new');
  open('dangling').write(bytes('M'), 0);
  assert.equal(content('/d/made'), 'M');
  assert.equal(files.lstat(bytes('dangling')) && (files.readLink(bytes('dangling')) as Buffer).toString(), 'made');
  fails('EINVAL', () => files.readLink(bytes('f')));
  fails('EEXIST', () => link('x', '/d/f'));
  files.remove(bytes('dangling'));
  assert.equal(content('/d/made'), 'M');
});

test('what may be held is bounded, and given back', () => {
  const { files, open } = start({ maxBytes: 1000, maxEntries: 3 });
  const a = open('/a');
  a.write(Buffer.alloc(900), 0);
  const b = open('/b');
  fails('ENOSPC', () => b.write(Buffer.alloc(101), 0));
  fails('ENOSPC', () => b.write(Buffer.alloc(1), 2 ** 50));
  fails('ENOSPC', () => b.setStat({ size: 2 ** 52 }));
  b.write(Buffer.alloc(100), 0);
  files.makeDirectory(bytes('/c'), 0o755);
  fails('ENOSPC', () => files.makeDirectory(bytes('/d'), 0o755));
  fails('ENOSPC', () => open('/d'));
  files.remove(bytes('/a'));
  fails('ENOSPC', () => b.write(Buffer.alloc(1), 100));
  a.close();
  b.write(Buffer.alloc(900), 100);
  const status = files.statFileSystem(bytes('/')) as { freeBlocks: bigint; freeFiles: bigint };
  assert.deepEqual([status.freeBlocks, status.freeFiles], [0n, 1n]);
});

test('modes and times; the listing has them', async () => {
  const { files } = start({ files: { '/f': 'x' }, now: () => 5000 });
  files.setStat(bytes('/f'), { mode: 0o4711, owner: { uid: 1, gid: 2 }, times: { accessed: 7, modified: 8 } });
  const listing = files.openDirectory(bytes('/')) as {
    read(): readonly { name: Buffer; attributes: object }[] | undefined;
  };
  const found = listing.read()?.map(({ name, attributes }) => [name.toString(), attributes]);
  const folder = { size: 4096, owner: { uid: 0, gid: 0 }, mode: 0o040755, times: { accessed: 5, modified: 5 } };
  assert.deepEqual(found, [
    ['.', folder],
    ['..', folder],
    ['f', { size: 1, owner: { uid: 1, gid: 2 }, mode: 0o104711, times: { accessed: 7, modified: 8 } }],
  ]);
  assert.equal(listing.read(), undefined);
});
