/** Transfers between local folders and servers in memory. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { hash } from '../../crypto/index.ts';
import { SshError } from '../../errors.ts';
import { startSftp } from '../../sftp/client.ts';
import { MemoryServer, type MemoryServerOptions, startMemory } from '../../sftp/memory-server.test.kit.ts';
import * as messages from '../../sftp/messages.ts';
import { status } from '../../sftp/scripted-server.test.kit.ts';
import { copy, get, put } from './index.ts';
import type { TransferEvent } from './types.ts';

function makeFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'nacre-transfer-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 * seed + (at >> 8)) & 0xff;
  return bytes;
}

/** What a local folder holds: names (one character a byte), contents, targets of links. */
function treeOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: Buffer, name: string) => {
    for (const entry of fs.readdirSync(path, { encoding: 'buffer' }) as Buffer[]) {
      const inside = Buffer.concat([path, Buffer.from('/'), entry]);
      const key = `${name}/${entry.toString('latin1')}`;
      const stats = fs.lstatSync(inside);
      if (stats.isDirectory()) {
        found[key] = 'folder';
        visit(inside, key);
      } else if (stats.isSymbolicLink()) found[key] = `-> ${fs.readlinkSync(inside)}`;
      else found[key] = hash('sha256', fs.readFileSync(inside)).toString('hex').slice(0, 16);
    }
  };
  visit(Buffer.from(folder), '');
  return found;
}

function serverTree(server: MemoryServer, folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [path, node] of server.nodes) {
    if (!path.startsWith(`${folder}/`)) continue;
    const key = path.slice(folder.length);
    if (node.kind === 'file') found[key] = hash('sha256', node.data).toString('hex').slice(0, 16);
    else found[key] = node.kind === 'link' ? `-> ${node.target}` : 'folder';
  }
  return found;
}

function fillServer(server: MemoryServer): void {
  server.folder('/tree', 0o750).folder('/tree/sub').folder('/tree/empty').folder('/tree/sub/deep', 0o555);
  server.file('/tree/none', '').file('/tree/one', 'x').file('/tree/big', bytesOf(700_000), 1_234_567, 0o4755);
  server.file('/tree/sub/deep/\xff\xfe', 'odd').file('/tree/sub/new\nline', 'odd too');
  for (let at = 0; at < 120; at++) server.file(`/tree/sub/f${at}`, bytesOf(at * 37, at + 1));
  server.link('/tree/link', 'one').link('/tree/out', '/etc/passwd');
}

const failure = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SshError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, text);
  return true;
};

test('a tree comes here and goes back: contents, odd names, empty folders; links are left out unless asked for', async (t) => {
  const { server, sftp } = await startMemory({ maxRead: 30_000 });
  fillServer(server);
  const folder = makeFolder(t);
  const events: TransferEvent[] = [];
  const report = await get(sftp, '/tree', join(folder, 'copy'), {
    recursive: true,
    preserve: true,
    onEvent: (event) => events.push(event),
  });
  const expected = serverTree(server, '/tree');
  for (const link of ['/link', '/out']) delete expected[link];
  assert.deepEqual(treeOf(join(folder, 'copy')), expected);
  assert.deepEqual([report.files, report.folders, report.skipped, report.failures.length], [125, 4, 2, 0]);
  const skipped = events.flatMap((event) => (event.type === 'skipped' ? [String(event.source), event.reason] : []));
  assert.deepEqual(skipped, ['/tree/link', 'link', '/tree/out', 'link']);
  // Modes without setuid, times of files and folders.
  const big = fs.statSync(join(folder, 'copy/big'));
  assert.deepEqual([big.mode & 0o7777, big.mtimeMs], [0o755, 1_234_567_000]);
  const deep = fs.statSync(join(folder, 'copy/sub/deep'));
  assert.deepEqual([deep.mode & 0o7777, deep.mtimeMs], [0o555, 2_000_000_000]);
  assert.equal(fs.statSync(join(folder, 'copy')).mode & 0o7777, 0o750);
  assert.equal(server.handles.size, 0);

  await put(sftp, join(folder, 'copy'), '/back', { recursive: true, preserve: true });
  assert.deepEqual(serverTree(server, '/back'), expected);
  const back = server.nodes.get('/back/big');
  assert.ok(back?.kind === 'file' && back.modified === 1_234_567 && back.mode === 0o755);
  const folderBack = server.nodes.get('/back/sub/deep');
  assert.ok(folderBack?.kind === 'folder' && folderBack.modified === 2_000_000 && folderBack.mode === 0o555);

  const other = await startMemory();
  other.server.folder('/there');
  await copy(sftp, '/tree', other.sftp, '/there', { recursive: true, links: 'keep' });
  assert.deepEqual(serverTree(other.server, '/there/tree'), serverTree(server, '/tree'));
  fs.chmodSync(join(folder, 'copy/sub/deep'), 0o755);
});

test('links: kept as they stand, or followed, and not in circles', async (t) => {
  const { server, sftp } = await startMemory();
  server
    .folder('/t')
    .folder('/t/a')
    .file('/t/a/x', 'x')
    .link('/t/l', 'a/x')
    .link('/t/a/up', '..')
    .link('/t/no', 'missing');
  const folder = makeFolder(t);
  await get(sftp, '/t', join(folder, 'kept'), { recursive: true, links: 'keep' });
  assert.deepEqual(treeOf(join(folder, 'kept')), serverTree(server, '/t'));
  const report = await get(sftp, '/t', join(folder, 'followed'), {
    recursive: true,
    links: 'follow',
    continueOnError: true,
  });
  const followed = treeOf(join(folder, 'followed'));
  assert.equal(followed['/l'], followed['/a/x']);
  assert.equal(fs.readFileSync(join(folder, 'followed/a/up/a/x'), 'utf8'), 'x');
  assert.deepEqual(report.failures.map(({ error }) => error.message.replace(/^.*": /, '')).sort(), [
    'No such file or directory (words)',
    'No such file or directory (words)',
    'this link leads back to a folder that holds it',
  ]);
  await put(sftp, join(folder, 'kept'), '/kept', { recursive: true, links: 'keep' });
  assert.deepEqual(serverTree(server, '/kept'), serverTree(server, '/t'));
  // Once more, as after a connection that was lost with the answer: a link that is as it should be is no failure, another one is.
  await put(sftp, `${join(folder, 'kept')}/.`, '/kept', { recursive: true, links: 'keep' });
  server.link('/kept/l', 'elsewhere');
  await assert.rejects(put(sftp, `${join(folder, 'kept')}/.`, '/kept', { recursive: true, links: 'keep' }), SshError);
  assert.equal(serverTree(server, '/kept')['/l'], '-> elsewhere');
});

test('where things go: into folders, under a new name, several at once, patterns; folders only when asked', async (t) => {
  const { server, sftp } = await startMemory();
  server.folder('/d').file('/d/a.txt', 'a').file('/d/b.txt', 'b').file('/d/c.dat', 'c').folder('/into');
  const folder = makeFolder(t);
  await get(sftp, '/d/a.txt', folder);
  await get(sftp, '/d/a.txt', join(folder, 'named'));
  await get(sftp, ['/d/b.txt', '/d/c.dat'], folder);
  assert.deepEqual(Object.keys(treeOf(folder)).sort(), ['/a.txt', '/b.txt', '/c.dat', '/named']);
  const globbed = join(folder, 'globbed');
  fs.mkdirSync(globbed);
  await get(sftp, '/d/*.txt', globbed, { glob: true });
  assert.deepEqual(Object.keys(treeOf(globbed)).sort(), ['/a.txt', '/b.txt']);
  await assert.rejects(get(sftp, '/d/*.none', globbed, { glob: true }), failure('no-such-file', /nothing matches/));
  await assert.rejects(get(sftp, '/d', folder), failure('misuse', /get "\/d": is a folder/));
  await assert.rejects(get(sftp, ['/d/a.txt', '/d/b.txt'], join(folder, 'named')), failure('misuse', /is no folder/));
  await assert.rejects(get(sftp, '/none', folder), failure('no-such-file', /stat "\/none"/));
  await get(sftp, '/d/.', join(folder, 'dot'), { recursive: true });
  assert.deepEqual(Object.keys(treeOf(join(folder, 'dot'))).length, 3);
  await put(sftp, [join(folder, 'a.txt'), join(folder, 'b.txt')], '/into');
  await put(sftp, join(folder, 'a.txt'), '/into/new');
  assert.deepEqual(Object.keys(serverTree(server, '/into')).sort(), ['/a.txt', '/b.txt', '/new']);
  await put(sftp, folder, '/selected', {
    recursive: true,
    select: ({ path, kind }) => kind === 'directory' || path.toString().endsWith('.txt'),
  });
  assert.deepEqual(
    Object.keys(serverTree(server, '/selected'))
      .filter((path) => !path.endsWith('.txt'))
      .sort(),
    ['/dot', '/globbed'],
  );
});

test('links in the target are not written through, and two names that are one file here are told', async (t) => {
  const { server, sftp } = await startMemory();
  server.folder('/t').folder('/t/sub').file('/t/sub/x', 'evil').file('/t/file', 'evil');
  const folder = makeFolder(t);
  const outside = join(folder, 'outside');
  fs.mkdirSync(join(folder, 'to'));
  fs.mkdirSync(outside);
  fs.writeFileSync(join(outside, 'target'), 'precious');
  fs.symlinkSync('../outside', join(folder, 'to/sub'));
  fs.symlinkSync('../outside/target', join(folder, 'to/file'));
  const report = await get(sftp, '/t/.', join(folder, 'to'), { recursive: true, continueOnError: true });
  assert.equal(report.failures.length, 2);
  for (const { error } of report.failures) assert.match(error.message, /is a link, and links are not followed here/);
  assert.deepEqual(fs.readdirSync(outside), ['target']);
  assert.equal(fs.readFileSync(join(outside, 'target'), 'utf8'), 'precious');
  // A name that only the listing knows is none of the caller's.
  await assert.rejects(
    get(sftp, '/t/f*', join(folder, 'to'), { glob: true }),
    failure('operation-failed', /is a link/),
  );
  // What the caller named is his own.
  await get(sftp, '/t/file', join(folder, 'to/file'));
  assert.equal(fs.readFileSync(join(outside, 'target'), 'utf8'), 'evil');
});

test('modes that hand out rights do not come along, and files of no use are left out', async (t) => {
  const { server, sftp } = await startMemory({
    hook: (number, message) => {
      if (number !== messages.readdir.number || seen++ > 0) return undefined;
      const entry = (name: string, mode: number) => ({
        name: Buffer.from(name),
        longName: Buffer.alloc(0),
        attributes: { mode, size: 1 },
      });
      const names = [
        entry('pipe', 0o010644),
        entry('device', 0o060644),
        entry('twice', 0o100644),
        entry('twice', 0o040755),
      ];
      return messages.names.encode({ id: message.readUInt32BE(1), names });
    },
  });
  let seen = 0;
  server.folder('/t').file('/t/suid', 'x', 1, 0o6755).file('/t/twice', 'y');
  const folder = makeFolder(t);
  const report = await get(sftp, '/t', join(folder, 't'), { recursive: true, preserve: true });
  assert.deepEqual(Object.keys(treeOf(join(folder, 't'))).sort(), ['/suid', '/twice']);
  assert.equal(report.skipped, 2);
  assert.equal(fs.statSync(join(folder, 't/suid')).mode & 0o7777, 0o755);
});

test('resume goes on where an earlier transfer stopped, and knows what is no beginning', async (t) => {
  const { server, sftp } = await startMemory();
  const content = bytesOf(500_000);
  server.file('/f', content);
  const folder = makeFolder(t);
  const local = join(folder, 'f');
  fs.writeFileSync(local, content.subarray(0, 200_000));
  const report = await get(sftp, '/f', local, { resume: 'length', verify: true });
  assert.equal(report.bytes, 300_000);
  assert.ok(fs.readFileSync(local).equals(content));
  assert.equal((await get(sftp, '/f', local, { resume: 'length' })).skipped, 1);
  fs.writeFileSync(local, Buffer.alloc(200_000, 'z'));
  await assert.rejects(
    get(sftp, '/f', local, { resume: 'length', verify: true }),
    failure('operation-failed', /the hashes differ/),
  );
  fs.writeFileSync(local, Buffer.alloc(200_000, 'z'));
  assert.equal((await get(sftp, '/f', local, { resume: 'hash', verify: true })).bytes, 500_000);
  fs.writeFileSync(local, Buffer.alloc(600_000));
  await assert.rejects(get(sftp, '/f', local, { resume: 'length' }), failure('operation-failed', /is longer than/));

  fs.writeFileSync(local, content);
  server.file('/g', content.subarray(0, 123_456));
  assert.equal((await put(sftp, local, '/g', { resume: 'hash', verify: true })).bytes, 500_000 - 123_456);
  assert.ok(server.data('/g').equals(content));
  server.file('/g', bytesOf(100, 9));
  assert.equal((await put(sftp, local, '/g', { resume: 'hash' })).bytes, 500_000);
  assert.ok(server.data('/g').equals(content));
});

test('what is there already: left, refused, or written beside and renamed', async (t) => {
  const { server, sftp } = await startMemory();
  server.file('/f', 'new');
  const folder = makeFolder(t);
  const local = join(folder, 'f');
  fs.writeFileSync(local, 'old');
  assert.equal((await get(sftp, '/f', local, { existing: 'skip' })).skipped, 1);
  await assert.rejects(
    get(sftp, '/f', local, { existing: 'refuse' }),
    failure('operation-failed', /of that name already/),
  );
  assert.equal(fs.readFileSync(local, 'utf8'), 'old');
  await get(sftp, '/f', local, { partialSuffix: '.part' });
  assert.equal(fs.readFileSync(local, 'utf8'), 'new');
  server.file('/g', 'old');
  await put(sftp, local, '/g', { partialSuffix: '.part' });
  assert.equal(server.data('/g').toString(), 'new');
  assert.deepEqual(fs.readdirSync(folder), ['f']);
  assert.ok(!server.nodes.has('/g.part'));
});

test('a failure names the file and what there is of it; the rest goes on only when asked', async (t) => {
  const options: MemoryServerOptions = {
    hook: (number, message) => {
      if (number !== messages.read.number) return undefined;
      const { id, offset } = messages.read.decode(message);
      return offset === 65_536n ? status(id, 4, 'bad sector') : undefined;
    },
  };
  const { server, sftp } = await startMemory(options);
  server.folder('/t').file('/t/bad', bytesOf(200_000)).file('/t/good', 'good').file('/t/other', 'other');
  const folder = makeFolder(t);
  const local = join(folder, 't');
  await assert.rejects(
    get(sftp, '/t', local, { recursive: true }),
    failure('operation-failed', /^get "\/t\/bad": read "\/t\/bad": Failure \(bad sector\); 65536 bytes are in ".*bad"/),
  );
  assert.equal(fs.statSync(join(local, 'bad')).size, 65_536);
  const report = await get(sftp, '/t', local, { recursive: true, continueOnError: true });
  assert.deepEqual([report.files, report.failures.length], [2, 1]);
  assert.equal(report.failures[0]?.partial?.bytes, 65_536);
  // Nobody waits for the closing of what was read.
  await sftp.realpath('/');
  assert.equal(server.handles.size, 0);

  const failing = await startMemory({
    hook: (number, message) => {
      if (number !== messages.write.number) return undefined;
      const { id, offset } = messages.write.decode(message);
      return offset === 98_304n ? status(id, 4, 'disk full') : undefined;
    },
  });
  fs.writeFileSync(join(folder, 'up'), bytesOf(300_000));
  await assert.rejects(
    put(failing.sftp, join(folder, 'up'), '/up'),
    failure('operation-failed', /disk full\); 98304 bytes are in "\/up", and resume goes on there/),
  );
  assert.ok(failing.server.data('/up').equals(bytesOf(300_000).subarray(0, 98_304)));
  assert.equal(failing.server.handles.size, 0);
});

test('over a long path a file is closed before all of it is confirmed, and cut by its name where that went wrong', async (t) => {
  const folder = makeFolder(t);
  const local = join(folder, 'up');
  fs.writeFileSync(local, bytesOf(300_000));
  /** A client that sees every answer come so much later. */
  const start = async (stepMs: number, answer: (id: number, offset: bigint) => Uint8Array | 'nothing' | undefined) => {
    const server = new MemoryServer({
      hook(number, message) {
        if (number !== messages.write.number) return undefined;
        const { id, offset } = messages.write.decode(message);
        return answer(id, offset);
      },
    });
    let nowMs = 0;
    const sftp = await startSftp(server, {
      now: () => {
        nowMs += stepMs;
        return nowMs;
      },
    });
    return { server, sftp };
  };
  for (const [stepMs, closed] of [
    [50, 1],
    [1, undefined],
  ] as const) {
    const { server, sftp } = await start(stepMs, () => 'nothing');
    const going = assert.rejects(put(sftp, local, '/up'), failure('closed', /ended the sftp session/));
    while ((server.counts.get(messages.write.number) ?? 0) < 10) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(server.counts.get(messages.close.number), closed, `${stepMs} ms`);
    server.emit('end');
    await going;
  }
  const failing = await start(50, (id, offset) => (offset === 98_304n ? status(id, 4, 'disk full') : undefined));
  await assert.rejects(
    put(failing.sftp, local, '/up'),
    failure('operation-failed', /disk full\); 98304 bytes are in "\/up", and resume goes on there/),
  );
  assert.ok(failing.server.data('/up').equals(bytesOf(300_000).subarray(0, 98_304)));
  assert.equal(failing.server.handles.size, 0);
});

test('verification: a digest of the server’s, or reading back', async (t) => {
  const content = bytesOf(100_000);
  const folder = makeFolder(t);
  const local = join(folder, 'f');
  fs.writeFileSync(local, content);
  // A server that says that it wrote, and did not.
  let dropped = 0;
  const dropping = await startMemory({
    hook: (number, message) => {
      if (number !== messages.write.number) return undefined;
      const { id, offset } = messages.write.decode(message);
      return offset === 32_768n && dropped++ === 0 ? status(id, 0) : undefined;
    },
  });
  await put(dropping.sftp, local, '/silent');
  assert.ok(!dropping.server.data('/silent').equals(content));
  dropped = 0;
  await assert.rejects(put(dropping.sftp, local, '/f', { verify: true }), failure('operation-failed', /hashes differ/));
  await put(dropping.sftp, local, '/f', { verify: true });

  const digest = (data: Buffer) => ({ algorithm: 'sha1', digest: hash('sha1', data) });
  const extensions = [['check-file', 'sha1']] as const;
  const asking = await startMemory({ extensions, digest });
  asking.server.file('/f', content);
  await get(asking.sftp, '/f', join(folder, 'g'), { verify: true });
  const reads = asking.server.counts.get(messages.read.number) ?? 0;
  assert.ok(reads < 8, 'nothing is read twice where the server makes the digest');
  await put(asking.sftp, local, '/h', { verify: true });
  assert.equal(asking.server.counts.get(messages.read.number), reads);
  const lying = await startMemory({ extensions, digest: () => ({ algorithm: 'sha1', digest: Buffer.alloc(20) }) });
  lying.server.file('/f', content);
  await assert.rejects(
    get(lying.sftp, '/f', join(folder, 'x'), { verify: true }),
    failure('operation-failed', /hashes differ/),
  );
});

test('holes: blocks of zeros are neither written here nor sent', async (t) => {
  const { server, sftp } = await startMemory();
  const content = Buffer.alloc(3_000_000);
  bytesOf(5000).copy(content, 1_000_003);
  bytesOf(10).copy(content, 2_500_000);
  server.file('/f', content).file('/zeros', Buffer.alloc(1_000_000)).file('/odd', Buffer.alloc(12_345));
  const folder = makeFolder(t);
  for (const name of ['f', 'zeros', 'odd']) {
    await get(sftp, `/${name}`, join(folder, name), { sparse: true, verify: true });
    assert.ok(fs.readFileSync(join(folder, name)).equals(server.data(`/${name}`)), name);
  }
  assert.ok(fs.statSync(join(folder, 'f')).blocks * 512 < 100_000);
  await put(sftp, join(folder, 'f'), '/g', { sparse: true, verify: true });
  assert.ok(server.data('/g').equals(content));
  assert.ok((server.counts.get(messages.write.number) ?? 0) <= 4);
  await put(sftp, join(folder, 'zeros'), '/z', { sparse: true });
  assert.ok(server.data('/z').equals(server.data('/zeros')));
});

test('an abort ends it, closes what is open, and leaves beginnings', async (t) => {
  const { server, sftp } = await startMemory();
  server.folder('/t');
  for (let at = 0; at < 20; at++) server.file(`/t/f${at}`, bytesOf(300_000, at));
  const folder = makeFolder(t);
  const controller = new AbortController();
  const transfer = get(sftp, '/t', join(folder, 't'), {
    recursive: true,
    signal: controller.signal,
    progressIntervalMs: 0,
    onEvent: (event) => {
      if (event.type === 'progress' && event.total.bytes > 1_000_000) controller.abort(new Error('enough'));
    },
  });
  await assert.rejects(transfer, failure('aborted', /get: the transfer was aborted/));
  for (const name of fs.readdirSync(join(folder, 't'))) {
    const content = fs.readFileSync(join(folder, 't', name));
    assert.ok(server.data(`/t/${name}`).subarray(0, content.length).equals(content), name);
  }
  assert.equal((await sftp.fs.readdir('/t')).length, 20);
  assert.equal(server.handles.size, 0);
  await assert.rejects(get(sftp, '/t/f1', folder, { signal: AbortSignal.abort() }), failure('aborted', /./));

  // A server that has stopped answering does not keep it.
  let isSilent = false;
  const silent = await startMemory({ hook: () => (isSilent ? 'nothing' : undefined) });
  silent.server.file('/f', bytesOf(100));
  const second = new AbortController();
  setTimeout(() => second.abort(), 50);
  const hanging = get(silent.sftp, '/f', join(folder, 'f'), { signal: second.signal });
  isSilent = true;
  await assert.rejects(hanging, failure('aborted', /./));
});

test('progress: counts that only grow, a rate, and what is left', async (t) => {
  const { server, sftp } = await startMemory();
  server.folder('/t');
  for (let at = 0; at < 30; at++) server.file(`/t/f${at}`, bytesOf(40_000));
  const folder = makeFolder(t);
  const events: TransferEvent[] = [];
  await get(sftp, '/t', join(folder, 't'), {
    recursive: true,
    progressIntervalMs: 0,
    onEvent: (event) => events.push(event),
  });
  const totals = events.flatMap((event) => (event.type === 'progress' || event.type === 'done' ? [event.total] : []));
  for (const [index, total] of totals.entries()) assert.ok(total.bytes >= (totals[index - 1]?.bytes ?? 0));
  const last = totals.at(-1) ?? assert.fail();
  assert.deepEqual([last.bytes, last.files, last.totalBytes, last.totalFiles], [1_200_000, 30, 1_200_000, 30]);
  assert.ok(last.isListed);
  const kinds = (type: string) => events.filter((event) => event.type === type).length;
  assert.deepEqual([kinds('start'), kinds('done'), kinds('folder')], [30, 30, 1]);
});

test('a rate is kept, and so is the number of files under way', async (t) => {
  const { server, sftp } = await startMemory();
  server.folder('/t');
  for (let at = 0; at < 40; at++) server.file(`/t/f${at}`, bytesOf(2000));
  const folder = makeFolder(t);
  const start = performance.now();
  await get(sftp, '/t', join(folder, 't'), { recursive: true, bytesPerSecond: 200_000, maxFiles: 3 });
  const elapsedMs = performance.now() - start;
  assert.ok(elapsedMs > 250 && elapsedMs < 2000, `${elapsedMs}`);
  // A file's close and the next one's opening pass each other.
  assert.ok(server.mostHandles <= 8, `${server.mostHandles}`);
});

test('a connection lost at any request: the transfer goes on in another one, and the bytes are the same', async (t) => {
  const folder = makeFolder(t);
  fs.mkdirSync(join(folder, 'source/sub'), { recursive: true });
  const files: Record<string, Buffer> = {
    a: bytesOf(400_000),
    b: bytesOf(10, 3),
    'sub/c': bytesOf(90_000, 5),
    e: bytesOf(0),
  };
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(join(folder, 'source', name), content);
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 6 }), fc.boolean(), async (cuts, isGet) => {
      const { server, sftp } = await startMemory({ cutAfter: 5 + (cuts[0] ?? 1000) });
      server.folder('/source').folder('/source/sub');
      for (const [name, content] of Object.entries(files)) server.file(`/source/${name}`, content);
      let next = 1;
      const reconnect = async () => {
        const cutAfter = next < cuts.length ? 5 + (cuts[next++] as number) : 100_000;
        return (await startMemory({ cutAfter }, server.nodes)).sftp;
      };
      const target = join(folder, `${round++}`);
      if (isGet) {
        await get(sftp, '/source', target, { recursive: true, reconnect });
        assert.deepEqual(treeOf(target), treeOf(join(folder, 'source')));
      } else {
        await put(sftp, join(folder, 'source'), '/back', { recursive: true, reconnect });
        assert.deepEqual(serverTree(server, '/back'), serverTree(server, '/source'));
      }
    }),
    { numRuns: 50 },
  );
});

test('a connection that is lost and not replaced: the error says so, and resume completes', async (t) => {
  const { server, sftp } = await startMemory({ cutAfter: 15 });
  server.file('/f', bytesOf(1_000_000));
  const folder = makeFolder(t);
  const local = join(folder, 'f');
  await assert.rejects(get(sftp, '/f', local), failure('closed', /^get "\/f": the server ended the sftp session/));
  const partial = fs.statSync(local).size;
  assert.ok(partial < 1_000_000);
  const again = await startMemory({}, server.nodes);
  assert.equal((await get(again.sftp, '/f', local, { resume: 'length' })).bytes, 1_000_000 - partial);
  assert.ok(fs.readFileSync(local).equals(server.data('/f')));
  let attempts = 0;
  const dead = await startMemory({ cutAfter: 3 }, server.nodes);
  const reconnect = async () => {
    attempts++;
    return (await startMemory({ cutAfter: 2 }, server.nodes)).sftp;
  };
  await assert.rejects(get(dead.sftp, '/f', join(folder, 'g'), { reconnect }), failure('closed', /./));
  assert.equal(attempts, 10);
});

test('several sessions of one server: files take turns, and each may be lost', async (t) => {
  const { server, sftp } = await startMemory();
  server.folder('/t');
  for (let at = 0; at < 40; at++) server.file(`/t/f${at}`, bytesOf(50_000, at + 1));
  const second = await startMemory({ cutAfter: 30 }, server.nodes);
  const folder = makeFolder(t);
  let reconnects = 0;
  const reconnect = async () => {
    reconnects++;
    return (await startMemory({}, server.nodes)).sftp;
  };
  await get([sftp, second.sftp], '/t', join(folder, 't'), { recursive: true, reconnect });
  assert.deepEqual(treeOf(join(folder, 't')), serverTree(server, '/t'));
  assert.equal(reconnects, 1);
  assert.ok((second.server.counts.get(messages.open.number) ?? 0) > 3);
});

test('a source that changed while the connection was away is sent anew', async (t) => {
  const { server, sftp } = await startMemory({ cutAfter: 20 });
  server.file('/f', bytesOf(1_000_000, 1), 1);
  const folder = makeFolder(t);
  const reconnect = async () => {
    server.file('/f', bytesOf(900_000, 2), 2);
    return (await startMemory({}, server.nodes)).sftp;
  };
  let started = 0;
  await get(sftp, '/f', join(folder, 'f'), {
    reconnect,
    onEvent: (event) => {
      if (event.type === 'start') started++;
    },
  });
  assert.ok(fs.readFileSync(join(folder, 'f')).equals(bytesOf(900_000, 2)));
  assert.equal(started, 1);
});
