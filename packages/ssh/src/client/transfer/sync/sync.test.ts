/** Syncs between local folders and servers in memory. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hash } from '../../../crypto/index.ts';
import { SshError } from '../../../errors.ts';
import { type MemoryServer, type MemoryServerOptions, startMemory } from '../../../sftp/memory-server.test.kit.ts';
import * as messages from '../../../sftp/messages.ts';
import { status } from '../../../sftp/scripted-server.test.kit.ts';
import type { SyncEvent, SyncOptions, SyncReport } from './index.ts';
import { sync } from './index.ts';

function makeFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'nacre-sync-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Files by their path below a folder; undefined stands for a folder. */
function fill(folder: string, files: Readonly<Record<string, string | Buffer | undefined>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    fs.mkdirSync(content === undefined ? path : join(path, '..'), { recursive: true });
    if (content === undefined) continue;
    fs.writeFileSync(path, content);
    fs.utimesSync(path, 1_500_000, 1_500_000);
  }
}

function local(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of fs.readdirSync(folder)) {
    const path = join(folder, name);
    const stats = fs.lstatSync(path);
    if (stats.isDirectory()) {
      found[name] = 'folder';
      for (const [below, what] of Object.entries(local(path))) found[`${name}/${below}`] = what;
    } else if (stats.isSymbolicLink()) found[name] = `-> ${fs.readlinkSync(path)}`;
    else found[name] = fs.readFileSync(path, 'latin1');
  }
  return found;
}

function remote(server: MemoryServer, folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [path, node] of server.nodes) {
    if (!path.startsWith(`${folder}/`)) continue;
    const name = path.slice(folder.length + 1);
    if (node.kind === 'file') found[name] = node.data.toString('latin1');
    else found[name] = node.kind === 'link' ? `-> ${node.target}` : 'folder';
  }
  return found;
}

const counts = ({ copied, updated, attributes, folders, links, deleted, unchanged, failures }: SyncReport) => ({
  ...Object.fromEntries(
    Object.entries({ copied, updated, attributes, folders, links, deleted, unchanged }).filter(
      ([, count]) => count > 0,
    ),
  ),
  ...(failures.length > 0 && { failures: failures.map(({ error }) => error.message) }),
});

const words = (report: SyncReport) =>
  report.plan.map(({ action, path, reason }) => `${action} ${path.toString('latin1')} ${reason}`).sort();

async function start(options: MemoryServerOptions = {}) {
  const { server, sftp } = await startMemory(options);
  return { server, sftp, at: { sftp, path: '/t' } };
}

const source = {
  same: 'same',
  longer: 'longer than before',
  newer: 'NEWER',
  missing: 'missing',
  'sub/deep/one': '1',
  'sub/two': '2',
  empty: undefined,
};

test('what differs is copied, both ways; the second time there is nothing to do, and a plan says the same before', async (t) => {
  const folder = makeFolder(t);
  const from = join(folder, 'from');
  fill(from, source);
  const { server, at } = await start();
  server.folder('/t').folder('/t/sub').file('/t/same', 'same', 1_500_000).file('/t/longer', 'longer', 1_500_000);
  server.file('/t/newer', 'newer', 1_400_000).file('/t/extra', 'extra').folder('/t/gone').file('/t/gone/x', 'x');
  const before = remote(server, '/t');
  const plan = await sync(from, at, { dryRun: true, delete: true });
  assert.deepEqual(remote(server, '/t'), before);
  assert.deepEqual(words(plan), [
    'copy missing missing',
    'copy sub/deep/one missing',
    'copy sub/two missing',
    'delete extra extra',
    'delete gone extra',
    'delete gone/x extra',
    'folder empty missing',
    'folder sub/deep missing',
    'update longer size',
    'update newer time',
  ]);
  const expected = { copied: 3, updated: 2, folders: 2, deleted: 3, unchanged: 1 };
  assert.deepEqual(counts(plan), expected);
  const report = await sync(from, at, { delete: true });
  assert.deepEqual(counts(report), expected);
  assert.deepEqual(remote(server, '/t'), local(from));
  assert.deepEqual(counts(await sync(from, at, { delete: true })), { unchanged: 6 });
  assert.equal(server.handles.size, 0);

  const back = join(folder, 'back');
  assert.deepEqual(counts(await sync(at, back)), { copied: 6, folders: 4 });
  assert.deepEqual(local(back), local(from));
  assert.deepEqual(counts(await sync(at, back)), { unchanged: 6 });
  const second = await start();
  await sync(at, second.at);
  assert.deepEqual(remote(second.server, '/t'), remote(server, '/t'));
  assert.deepEqual(counts(await sync(at, second.at)), { unchanged: 6 });
});

test('times within the tolerance are the same; a hash looks into the files, by the server where that can', async (t) => {
  const folder = makeFolder(t);
  fill(folder, { a: 'aaaa', b: 'bbbb' });
  const { server, at } = await start();
  server.folder('/t').file('/t/a', 'AAAA', 1_500_000).file('/t/b', 'bbbb', 1_500_002);
  assert.deepEqual(counts(await sync(folder, at, { toleranceSeconds: 2 })), { unchanged: 2 });
  const plan = await sync(folder, at, { compare: 'hash', dryRun: true });
  assert.deepEqual(words(plan), ['attributes b attributes', 'update a content']);
  assert.deepEqual(counts(await sync(folder, at, { compare: 'hash' })), { updated: 1, attributes: 1, unchanged: 1 });
  assert.deepEqual(remote(server, '/t'), { a: 'aaaa', b: 'bbbb' });
  const node = server.nodes.get('/t/b');
  assert.ok(node?.kind === 'file' && node.modified === 1_500_000);
  assert.deepEqual(counts(await sync(folder, at, { compare: 'hash' })), { unchanged: 2 });

  const digest = (data: Buffer) => ({ algorithm: 'sha256', digest: hash('sha256', data) });
  const asked = await start({ extensions: [['check-file', 'sha256']], digest });
  asked.server.folder('/t').file('/t/a', 'aaaa').file('/t/b', 'BBBB');
  await sync(folder, asked.at, { compare: 'hash' });
  assert.equal(asked.server.counts.get(messages.read.number), undefined);
  assert.deepEqual(remote(asked.server, '/t'), { a: 'aaaa', b: 'bbbb' });
});

test('what is left out is neither copied nor deleted, and keeps the folder that it is in', async (t) => {
  const folder = makeFolder(t);
  fill(folder, { 'a.c': '', 'a.o': '', 'tmp/x': '', 'keep.o': '', 'd/tmp': 'a file' });
  const { server, at } = await start();
  server.folder('/t').file('/t/b.o', 'mine').folder('/t/old').file('/t/old/x.o', 'mine').file('/t/old/y', 'y');
  const options: SyncOptions = { delete: true, exclude: ['*.o', 'tmp/'], include: ['keep.o'] };
  const report = await sync(folder, at, options);
  assert.deepEqual(remote(server, '/t'), {
    'b.o': 'mine',
    old: 'folder',
    'old/x.o': 'mine',
    'a.c': '',
    'keep.o': '',
    d: 'folder',
    'd/tmp': 'a file',
  });
  assert.deepEqual(counts(report), { copied: 3, folders: 1, deleted: 1 });
});

test('nothing is deleted when something has failed: a listing, a file, or a name', async (t) => {
  const folder = makeFolder(t);
  for (const broken of ['listing', 'file', 'late listing'] as const) {
    const to = join(folder, broken);
    fill(to, { extra: 'precious', 'sub/extra': 'precious' });
    let listed = 0;
    const { server, sftp } = await startMemory({
      hook: (number, message) => {
        const id = message.length >= 5 ? message.readUInt32BE(1) : 0;
        if (broken === 'listing' && number === messages.opendir.number) {
          return String(messages.opendir.decode(message).path) === '/s/sub' ? status(id, 3) : undefined;
        }
        // The first folder's names come, and then an error in place of the end.
        if (broken === 'late listing' && number === messages.readdir.number)
          return listed++ > 0 ? status(id, 4) : undefined;
        if (broken === 'file' && number === messages.read.number) return status(id, 4, 'bad sector');
        return undefined;
      },
    });
    server.folder('/s').folder('/s/sub').file('/s/one', '1');
    const report = await sync({ sftp, path: '/s' }, to, { delete: true });
    assert.equal(report.deleted, 0, broken);
    assert.ok(report.failures.length > 0, broken);
    assert.ok(report.undeleted > 0 || broken === 'late listing', broken);
    assert.equal(fs.readFileSync(join(to, 'sub/extra'), 'utf8'), 'precious', broken);
    assert.equal(fs.readFileSync(join(to, 'extra'), 'utf8'), 'precious', broken);
    await assert.rejects(sync({ sftp, path: '/s' }, to, { delete: true, stopOnError: true }), SshError);
    assert.equal(fs.readFileSync(join(to, 'extra'), 'utf8'), 'precious', broken);
  }
  // A source that is not there, and a target that is no folder.
  const { sftp } = await start();
  fill(folder, { kept: 'x' });
  await assert.rejects(sync({ sftp, path: '/none' }, folder, { delete: true }), { code: 'no-such-file' });
  assert.equal(fs.readFileSync(join(folder, 'kept'), 'utf8'), 'x');
  await assert.rejects(sync(folder, join(folder, 'x')), { code: 'misuse' });
});

test('links: kept, changed, put in the place of others and others in theirs; never written or deleted through', async (t) => {
  const folder = makeFolder(t);
  const outside = join(folder, 'outside');
  fill(outside, { x: 'precious', 'sub/y': 'precious' });
  const to = join(folder, 'to');
  fill(to, { file: 'file', other: 'x' });
  fs.symlinkSync('../outside', join(to, 'sub'));
  fs.symlinkSync('../outside/x', join(to, 'x'));
  fs.symlinkSync('../outside', join(to, 'extra'));
  fs.symlinkSync('a', join(to, 'same'));
  fs.symlinkSync('a', join(to, 'changed'));
  const { server, at } = await start();
  server.folder('/t').folder('/t/sub').file('/t/sub/y', 'new').file('/t/x', 'new').link('/t/file', 'x');
  server.link('/t/same', 'a').link('/t/changed', 'b').link('/t/out', '/etc');
  const report = await sync(at, to, { links: 'keep', delete: true });
  assert.deepEqual(local(to), remote(server, '/t'));
  assert.deepEqual(local(outside), { x: 'precious', sub: 'folder', 'sub/y': 'precious' });
  assert.equal(report.links, 3);
  assert.deepEqual(report.failures, []);
  assert.deepEqual(counts(await sync(at, to, { links: 'keep', delete: true })), { unchanged: 6 });
  // Links that are not taken along are still names of the source: nothing of theirs is deleted.
  const skipped = await sync(at, to, { delete: true });
  assert.deepEqual([skipped.deleted, skipped.skipped], [0, 4]);
  // A server whose listing tells what links lead to: the folder is looked at before anything is removed in it.
  const lying = await start({ followsInListings: true });
  lying.server.folder('/t').folder('/o').file('/o/x', 'precious').link('/t/l', '/o').link('/t/m', '/o');
  fill(folder, { 'empty/m/x': 'new', 'empty/m/z': 'new' });
  const guarded = await sync(join(folder, 'empty'), lying.at, { delete: true });
  assert.deepEqual(remote(lying.server, '/o'), { x: 'precious' });
  assert.equal(guarded.failures.length, 1);
});

test('a folder in the way of a file goes only where deleting is asked for, and not with what is left out', async (t) => {
  const folder = makeFolder(t);
  fill(folder, { 'f/a': 'x', 'f/d/x': 'x' });
  const { server, at } = await start();
  server.folder('/t').folder('/t/a').file('/t/a/mine', 'mine').file('/t/d', 'a file');
  const from = join(folder, 'f');
  const refused = await sync(from, at, { exclude: ['mine'] });
  assert.match(refused.failures[0]?.error.message ?? '', /a": something of another kind stands in its place/);
  const kept = await sync(from, at, { exclude: ['mine'], delete: true });
  assert.equal(kept.failures.length, 1);
  assert.equal(remote(server, '/t')['a/mine'], 'mine');
  assert.equal(remote(server, '/t')['d/x'], 'x');
  assert.deepEqual(counts(await sync(from, at, { delete: true })), { copied: 1, deleted: 2, unchanged: 1 });
  assert.deepEqual(remote(server, '/t'), { a: 'x', d: 'folder', 'd/x': 'x' });
});

test('a lost connection: what is there stays whole, and the next sync goes on with what had come', async (t) => {
  const folder = makeFolder(t);
  const content = Buffer.alloc(1_000_000, 'abcdefg');
  const { server } = await start();
  server.folder('/t').file('/t/big', content, 5).file('/t/small', 's', 5);
  fill(folder, { big: 'the old one' });
  const cut = await startMemory({ cutAfter: 20 }, server.nodes);
  await assert.rejects(sync({ sftp: cut.sftp, path: '/t' }, folder), { code: 'closed' });
  assert.equal(fs.readFileSync(join(folder, 'big'), 'utf8'), 'the old one');
  const partial = fs.statSync(join(folder, 'big.nacre-part')).size;
  assert.ok(partial > 0 && partial < 1_000_000);
  const again = await startMemory({}, server.nodes);
  const report = await sync({ sftp: again.sftp, path: '/t' }, folder, { delete: true, verify: true });
  assert.ok(report.bytes <= 1_000_000 - partial + 1, `${report.bytes}`);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['big', 'small']);
  assert.ok(fs.readFileSync(join(folder, 'big')).equals(content));
  // One that is left over, of a file that needs it no more, is too much.
  fs.writeFileSync(join(folder, 'big.nacre-part'), 'left over');
  assert.deepEqual(counts(await sync({ sftp: again.sftp, path: '/t' }, folder, { delete: true })), {
    deleted: 1,
    unchanged: 2,
  });
  // Lost at any request, and replaced: the same in the end.
  for (let cutAfter = 6; cutAfter < 60; cutAfter += 3) {
    const target = join(folder, `${cutAfter}`);
    fill(target, { big: 'old', extra: 'x' });
    const first = await startMemory({ cutAfter }, server.nodes);
    const reconnect = async () => (await startMemory({}, server.nodes)).sftp;
    await sync({ sftp: first.sftp, path: '/t', reconnect }, target, { delete: true });
    assert.deepEqual(local(target), remote(server, '/t'), `${cutAfter}`);
    const up = await startMemory({ cutAfter });
    up.server.folder('/t').file('/t/big', 'old').file('/t/extra', 'x');
    const nodes = up.server.nodes;
    const again = async () => (await startMemory({}, nodes)).sftp;
    await sync(target, { sftp: up.sftp, path: '/t', reconnect: again }, { delete: true });
    assert.deepEqual(remote(up.server, '/t'), local(target), `${cutAfter}`);
  }
});

test('the answer to a renaming is lost: the file is sent anew, and is no file of zeros', async (t) => {
  const folder = makeFolder(t);
  const content = Buffer.alloc(400_000, 'abcdefg');
  fill(folder, { f: content });
  const { server, sftp } = await startMemory({
    hook: (number, _message, one) => {
      if (number !== messages.extended.number) return undefined;
      const partial = one.nodes.get('/t/f.nacre-part') ?? assert.fail('nothing to rename');
      one.nodes.set('/t/f', partial);
      one.nodes.delete('/t/f.nacre-part');
      setImmediate(() => one.emit('end'));
      return 'nothing';
    },
  });
  server.folder('/t').file('/t/f', 'old');
  let reconnects = 0;
  const reconnect = async () => {
    reconnects++;
    return (await startMemory({}, server.nodes)).sftp;
  };
  await sync(folder, { sftp, path: '/t', reconnect });
  assert.equal(reconnects, 1);
  assert.ok(server.data('/t/f').equals(content));
  assert.deepEqual(Object.keys(remote(server, '/t')), ['f']);
});

test('events, a signal, modes, a single file, a folder into itself', async (t) => {
  const folder = makeFolder(t);
  fill(folder, { a: 'a', 'sub/b': 'b' });
  fs.chmodSync(join(folder, 'a'), 0o750);
  const { server, sftp, at } = await start();
  const events: SyncEvent[] = [];
  await sync(folder, at, { modes: true, onEvent: (event) => events.push(event) });
  assert.deepEqual(
    events.flatMap((event) => (event.type === 'change' ? [`${event.change.action} ${event.change.path}`] : [])).sort(),
    ['copy a', 'copy sub/b', 'folder ', 'folder sub'],
  );
  const modeOf = (path: string) => {
    const node = server.nodes.get(path);
    return node === undefined || node.kind === 'link' ? undefined : node.mode;
  };
  assert.equal(modeOf('/t/a'), 0o750);
  fs.chmodSync(join(folder, 'a'), 0o600);
  assert.deepEqual(counts(await sync(folder, at, { modes: true })), { attributes: 1, unchanged: 2 });
  assert.equal(modeOf('/t/a'), 0o600);
  await assert.rejects(sync(folder, at, { signal: AbortSignal.abort() }), { code: 'aborted' });
  assert.deepEqual(counts(await sync(join(folder, 'a'), at)), { unchanged: 1 });
  assert.deepEqual(counts(await sync(join(folder, 'a'), { sftp, path: '/t/new' })), { copied: 1 });
  assert.deepEqual(counts(await sync(join(folder, 'a'), { sftp, path: '/t/new' })), { unchanged: 1 });
  for (const [from, to] of [
    ['/t', '/t/sub'],
    ['/t/sub', '/t'],
    ['/t', '/t/sub/..'],
    ['/', '/t'],
  ] as const) {
    await assert.rejects(sync({ sftp, path: from }, { sftp, path: to }, { delete: true }), { code: 'misuse' }, from);
  }
  assert.deepEqual(Object.keys(remote(server, '/t')).sort(), ['a', 'new', 'sub', 'sub/b']);
});
