/** Where and how transfers write, as scp asks for it: names and folders, in place, links in the target, modes of folders, sources that fail. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startMemory } from '../../sftp/memory-server.test.kit.ts';
import { SftpRefusal } from '../../sftp/status.ts';
import { get, put } from './index.ts';
import type { TransferEvent } from './types.ts';

function makeFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'nacre-placement-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a name is a name even where a folder bears it, and a folder is taken for one unseen', async (t) => {
  const { server, sftp } = await startMemory();
  server.folder('/d').file('/d/a', 'a').folder('/into').folder('/there');
  const folder = makeFolder(t);
  fs.mkdirSync(join(folder, 'd'));
  await get(sftp, '/d', join(folder, 'd'), { recursive: true, targetIs: 'name' });
  assert.deepEqual(fs.readdirSync(join(folder, 'd')), ['a']);
  const before = server.requests;
  await put(sftp, [join(folder, 'd/a')], '/into', { targetIs: 'folder' });
  assert.ok(server.nodes.has('/into/a'));
  // open, write, fsetstat or close: nobody asked what the target is.
  assert.ok(server.requests - before <= 4);
  await assert.rejects(
    get(sftp, ['/d/a', '/d/a'], join(folder, 'x'), { targetIs: 'name' }),
    /one name for several sources/,
  );
});

test('in place: what was there is written over, cut at the end, and whole where it is the source itself', async (t) => {
  const { server, sftp } = await startMemory();
  server.file('/long', 'a long text').file('/short', 'new');
  const folder = makeFolder(t);
  const target = join(folder, 'file');
  fs.writeFileSync(target, 'something longer');
  const inode = fs.statSync(target).ino;
  await get(sftp, '/short', target, { inPlace: true });
  assert.deepEqual([fs.readFileSync(target, 'utf8'), fs.statSync(target).ino], ['new', inode]);
  await put(sftp, target, '/long', { inPlace: true });
  const there = server.nodes.get('/long');
  assert.equal(there?.kind === 'file' && there.data.toString(), 'new');
  // A device has no length.
  await get(sftp, '/short', '/dev/null', { inPlace: true, targetIs: 'name' });
});

test('links in the target are written through where they are named, and else only on trust', async (t) => {
  const { server, sftp } = await startMemory();
  server.folder('/d').file('/d/a', 'theirs');
  const folder = makeFolder(t);
  const outside = join(folder, 'outside');
  const prepare = () => {
    fs.rmSync(join(folder, 'd'), { recursive: true, force: true });
    fs.mkdirSync(join(folder, 'd'));
    fs.writeFileSync(outside, 'mine');
    fs.symlinkSync(outside, join(folder, 'd/a'));
  };
  prepare();
  await assert.rejects(get(sftp, '/d', join(folder, 'd'), { recursive: true, targetIs: 'name' }), /is a link/);
  assert.equal(fs.readFileSync(outside, 'utf8'), 'mine');
  await get(sftp, '/d', join(folder, 'd'), { recursive: true, targetIs: 'name', targetLinks: 'follow' });
  assert.equal(fs.readFileSync(outside, 'utf8'), 'theirs');
  prepare();
  await get(sftp, '/d/a', join(folder, 'd/a'), { targetIs: 'name' });
  assert.equal(fs.readFileSync(outside, 'utf8'), 'theirs');
});

test('modes of folders: the very one where asked, and the owner’s rights are only lent', async (t) => {
  const { server, sftp } = await startMemory();
  server.folder('/d', 0o777).folder('/d/closed', 0o555).file('/d/closed/x', 'x');
  const folder = makeFolder(t);
  const mode = (name: string) => fs.statSync(join(folder, name)).mode & 0o7777;
  await get(sftp, '/d', join(folder, 'd'), { recursive: true });
  assert.equal(mode('d/closed'), 0o555);
  fs.chmodSync(join(folder, 'd'), 0o1777);
  await put(sftp, join(folder, 'd'), '/back', { recursive: true, folderModes: true });
  const back = server.nodes.get('/back');
  assert.equal(back?.kind === 'folder' && back.mode & 0o7777, 0o1777);
  fs.chmodSync(join(folder, 'd/closed'), 0o755);
});

test('sources that fail are events with the server’s own answer, and the others arrive', async (t) => {
  const { server, sftp } = await startMemory();
  server.file('/a', 'a').folder('/d');
  const folder = makeFolder(t);
  const events: TransferEvent[] = [];
  const report = await get(sftp, ['/a', '/none', '/d'], folder, {
    continueOnError: true,
    regularOnly: true,
    onEvent: (event) => events.push(event),
  });
  assert.deepEqual(fs.readdirSync(folder), ['a']);
  assert.deepEqual(
    report.failures.map(({ source, error }) => [source.toString(), error.code]),
    [
      ['/none', 'no-such-file'],
      ['/d', 'misuse'],
    ],
  );
  const inner = report.failures[0]?.error.cause as Error;
  assert.ok(inner.cause instanceof SftpRefusal);
  assert.deepEqual(
    [inner.cause.operation, inner.cause.words, inner.cause.path?.toString()],
    ['stat', 'No such file or directory', '/none'],
  );
  await assert.rejects(put(sftp, '/dev/null', '/x', { regularOnly: true }), /is no regular file/);
});

test('what a listing has told of a source is not asked for again; of anything but a file it does not count', async (t) => {
  const { server, sftp } = await startMemory();
  server.file('/a', 'text').folder('/d');
  const target = join(makeFolder(t), 'a');
  const requestsOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = server.requests;
    await work();
    return server.requests - before;
  };
  const asked = await requestsOf(() => get(sftp, '/a', target, { targetIs: 'name' }));
  const attributes = await sftp.lstat('/a');
  const told = await requestsOf(() => get(sftp, '/a', target, { targetIs: 'name', attributes }));
  assert.equal(fs.readFileSync(target, 'utf8'), 'text');
  assert.equal(told, asked - 1);
  await assert.rejects(
    get(sftp, '/d', target, { targetIs: 'name', attributes: await sftp.lstat('/d') }),
    /is a folder/,
  );
  const { size: _, ...sizeless } = attributes;
  assert.equal(await requestsOf(() => get(sftp, '/a', target, { targetIs: 'name', attributes: sizeless })), asked);
});
