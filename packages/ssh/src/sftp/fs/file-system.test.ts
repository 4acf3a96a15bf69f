/** The calls of node:fs/promises on a server's files. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { startMemory } from '../memory-server.test.kit.ts';
import * as messages from '../messages.ts';
import { status } from '../scripted-server.test.kit.ts';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7 + (at >> 9)) & 0xff));

test('files are read and written whole: encodings, flags, pieces, and bounds', async () => {
  const { server, sftp } = await startMemory({ maxRead: 20_000 });
  const { fs } = sftp;
  await fs.writeFile('/a', content);
  assert.ok(server.data('/a').equals(content));
  assert.ok((await fs.readFile('/a')).equals(content));
  await fs.writeFile('/b', 'grüße', { mode: 0o600 });
  await fs.appendFile('/b', ' und mehr');
  assert.equal(await fs.readFile('/b', 'utf8'), 'grüße und mehr');
  assert.equal((await fs.stat('/b')).mode & 0o7777, 0o600);
  await fs.writeFile('/b', 'c3bc', 'hex');
  assert.equal(await fs.readFile('/b', { encoding: 'utf8' }), 'ü');
  await fs.writeFile('/c', Readable.from([Buffer.from('one '), 'two']));
  await fs.writeFile('/c', ['three', ' four'], { flag: 'a' });
  assert.equal(await fs.readFile('/c', 'utf8'), 'one twothree four');
  await assert.rejects(fs.writeFile('/c', '', { flag: 'wx' }), { code: 'operation-failed' });
  await assert.rejects(fs.readFile('/a', { maxBytes: 100 }), { code: 'limit-exceeded' });
  await assert.rejects(fs.open('/a', 'rw' as 'r'), { code: 'misuse', message: /"rw" is no flag/ });
  await assert.rejects(fs.readFile('/none'), { code: 'no-such-file' });
  assert.equal(server.handles.size, 0);
  await fs.truncate('/a', 10);
  assert.equal((await fs.stat('/a')).size, 10);
});

test('a small file costs three requests more than its opening, two of them at once', async () => {
  const { server, sftp } = await startMemory();
  server.file('/f', 'small');
  await sftp.fs.readFile('/f');
  const { open, read, fstat, close } = messages;
  assert.deepEqual(
    [open, read, fstat, close].map(({ number }) => server.counts.get(number)),
    [1, 1, 1, 1],
  );
});

test('handles: positions, and what node’s have', async () => {
  const { server, sftp } = await startMemory();
  const file = await sftp.fs.open('/f', 'w+');
  assert.deepEqual(await file.write('hello '), { bytesWritten: 6, buffer: 'hello ' });
  await file.write(Buffer.from('world'));
  await file.write('H', 0);
  const buffer = Buffer.alloc(5);
  assert.equal((await file.read(buffer, 0, 5, 6)).bytesRead, 5);
  assert.equal(buffer.toString(), 'world');
  assert.equal((await file.read(buffer, 0, 5)).bytesRead, 0);
  await file.utimes(new Date(5_000_000), 6000);
  await file.chmod(0o600);
  const stats = await file.stat();
  assert.deepEqual([stats.size, stats.mode, stats.mtimeMs, stats.isFile()], [11, 0o100600, 6_000_000, true]);
  await file.truncate(5);
  assert.equal(server.data('/f').toString(), 'Hello');
  await file.close();
  const again = await sftp.fs.open('/f');
  assert.equal(await again.readFile({ encoding: 'utf8' }), 'Hello');
  assert.equal((await again.readFile()).length, 0);
  await again.close();
});

test('folders: names as text that leads back, as bytes, with types; one after the other', async () => {
  const { server, sftp } = await startMemory();
  server.folder('/d').file('/d/a', 'x').folder('/d/sub').link('/d/l', 'a').file('/d/\xff\xc3', 'odd');
  const names = await sftp.fs.readdir('/d');
  assert.deepEqual(names.sort(), ['a', 'l', 'sub', '\udcff\udcc3'].sort());
  const odd = names.find((name) => name.startsWith('\udcff')) ?? '';
  assert.equal(await sftp.fs.readFile(`/d/${odd}`, 'utf8'), 'odd');
  assert.ok((await sftp.fs.readdir('/d', { encoding: 'buffer' })).some((name) => name.equals(Buffer.of(0xff, 0xc3))));
  const types = await sftp.fs.readdir('/d', { withFileTypes: true });
  const kinds = types.map((entry) => [
    entry.name,
    entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : '?',
  ]);
  assert.deepEqual(Object.fromEntries(kinds), { a: 'file', sub: 'folder', l: 'link', [odd]: 'file' });
  assert.equal(types.find(({ name }) => name === 'a')?.stats.size, 1);
  for await (const entry of sftp.fs.opendir('/d')) {
    assert.equal(entry.parentPath, '/d');
    break;
  }
  await turn();
  assert.equal(server.handles.size, 0);
});

test('mkdir and rm with all that is above and below; links are removed and never followed', async () => {
  const { server, sftp } = await startMemory({ followsInListings: true });
  const { fs } = sftp;
  await fs.mkdir('/a/b/c', { recursive: true });
  await fs.mkdir('/a/b/c', { recursive: true });
  await assert.rejects(fs.mkdir('/a'), { code: 'operation-failed' });
  server.file('/file', '').folder('/precious').file('/precious/data', 'kept');
  await assert.rejects(fs.mkdir('/file', { recursive: true }), { code: 'operation-failed' });
  await assert.rejects(fs.mkdir('/file/x', { recursive: true }));
  for (let at = 0; at < 300; at++) server.file(`/a/b/f${at}`, '');
  // The server lists it as a folder, for that is what it leads to.
  server.link('/a/b/link', '/precious').link('/a/toplink', '../precious');
  await fs.rm('/a', { recursive: true });
  assert.ok(!server.nodes.has('/a'));
  assert.equal(server.data('/precious/data').toString(), 'kept');
  server.link('/l', '/precious');
  await fs.rm('/l', { recursive: true });
  assert.deepEqual([server.nodes.has('/l'), server.nodes.has('/precious/data')], [false, true]);
  await assert.rejects(fs.rm('/none', { recursive: true }), { code: 'no-such-file' });
  await fs.rm('/none', { recursive: true, force: true });
  await fs.rm('/file');
  assert.ok(!server.nodes.has('/file'));
});

test('rm keeps the first failure, and removes the rest', async () => {
  const { server, sftp } = await startMemory({
    hook: (number, message) => {
      if (number !== messages.remove.number) return undefined;
      const { id, path } = messages.remove.decode(message);
      return path.toString() === '/a/locked' ? status(id, 3) : undefined;
    },
  });
  server.folder('/a').file('/a/1', '').file('/a/locked', '').file('/a/2', '').folder('/a/sub').file('/a/sub/x', '');
  await assert.rejects(sftp.fs.rm('/a', { recursive: true }), {
    code: 'permission-denied',
    message: 'remove "/a/locked": Permission denied',
  });
  assert.deepEqual([...server.nodes.keys()], ['/', '/a', '/a/locked']);
});

test('a folder that never ends is left', async () => {
  const { server, sftp } = await startMemory({
    followsInListings: true,
    hook: (number, message) =>
      number === messages.lstat.number
        ? messages.attrs.encode({ id: message.readUInt32BE(1), attributes: { mode: 0o040755 } })
        : undefined,
  });
  // Each folder holds itself, by way of a link that the server calls a folder.
  server.folder('/a').link('/a/a', '/a');
  await assert.rejects(sftp.fs.rm('/a', { recursive: true }), { code: 'limit-exceeded', message: /512 folders deep/ });
});

test('rename replaces; without posix-rename the old one steps aside, and comes back when that fails', async () => {
  const { server, sftp } = await startMemory({ extensions: [] });
  server.file('/new', 'new').file('/old', 'old').folder('/folder');
  await sftp.fs.rename('/new', '/old');
  assert.deepEqual([...server.nodes.keys()], ['/', '/folder', '/old']);
  assert.equal(server.data('/old').toString(), 'new');
  server.file('/x', 'x');
  await assert.rejects(sftp.fs.rename('/x', '/folder'), { code: 'operation-failed' });
  let renames = 0;
  const failing = await startMemory({
    extensions: [],
    hook: (number, message) =>
      number === messages.rename.number && ++renames === 3 ? status(message.readUInt32BE(1), 4) : undefined,
  });
  failing.server.file('/a', 'a').file('/b', 'b');
  await assert.rejects(failing.sftp.fs.rename('/a', '/b'), { code: 'operation-failed' });
  assert.equal(failing.server.data('/b').toString(), 'b');
  assert.equal(failing.server.data('/a').toString(), 'a');
});

test('links, times, modes, existence', async () => {
  const { server, sftp } = await startMemory();
  const { fs } = sftp;
  server.file('/f', 'x');
  await fs.symlink('f', '/l');
  assert.equal(await fs.readlink('/l'), 'f');
  assert.ok((await fs.readlink('/l', { encoding: 'buffer' })).equals(Buffer.from('f')));
  assert.ok((await fs.lstat('/l')).isSymbolicLink());
  assert.equal(await fs.realpath('/l'), '/f');
  await fs.utimes('/f', 1, new Date(5000));
  assert.equal((await fs.stat('/l')).mtime.getTime(), 5000);
  await fs.chmod('/f', 0o400);
  await fs.access('/f', 4);
  await assert.rejects(fs.access('/f', 2), { code: 'permission-denied' });
  assert.deepEqual([await fs.exists('/f'), await fs.exists('/none')], [true, false]);
  server.link('/dangling', 'none');
  assert.equal(await fs.exists('/dangling'), false);
  await fs.unlink('/l');
  assert.ok(!server.nodes.has('/l'));
});

test('copyFile: by the server, by way of here, never onto itself', async () => {
  for (const extensions of [undefined, []]) {
    const { server, sftp } = await startMemory(extensions === undefined ? {} : { extensions });
    server.file('/a', content, 1, 0o640).link('/same', '/a').file('/there', 'x');
    await sftp.fs.copyFile('/a', '/b');
    assert.ok(server.data('/b').equals(content));
    assert.equal((await sftp.fs.stat('/b')).mode & 0o777, 0o640);
    assert.equal(server.counts.has(messages.read.number), extensions !== undefined);
    await assert.rejects(sftp.fs.copyFile('/a', '/same'), { code: 'misuse' });
    assert.ok(server.data('/a').equals(content));
    await assert.rejects(sftp.fs.copyFile('/a', '/there', { exclusive: true }), { code: 'operation-failed' });
    assert.equal(server.handles.size, 0);
  }
});

test('streams: all bytes, ranges, and a server that is asked for nothing while nobody reads', async () => {
  const { server, sftp } = await startMemory({ maxRead: 10_000 });
  server.file('/f', Buffer.concat(Array.from({ length: 20 }, () => content)));
  const parts: Buffer[] = [];
  for await (const part of sftp.fs.createReadStream('/f', { start: 10, end: 299_999 })) parts.push(part as Buffer);
  assert.ok(Buffer.concat(parts).equals(content.subarray(10)));
  await pipeline(sftp.fs.createReadStream('/f'), sftp.fs.createWriteStream('/copy', { mode: 0o600 }));
  assert.ok(server.data('/copy').equals(server.data('/f')));

  const idle = sftp.fs.createReadStream('/f');
  await new Promise((resolve) => idle.once('readable', resolve));
  for (let round = 0; round < 200; round++) await turn();
  const before = server.counts.get(messages.read.number) ?? 0;
  for (let round = 0; round < 50; round++) await turn();
  assert.equal(server.counts.get(messages.read.number), before);
  idle.destroy();
  await new Promise((resolve) => idle.once('close', resolve));
  await turn();
  assert.equal(server.handles.size, 0);

  const text = sftp.fs.createReadStream('/f', { end: 3, encoding: 'hex' });
  let seen = '';
  for await (const part of text) seen += part;
  assert.equal(seen, content.subarray(0, 4).toString('hex'));
  await assert.rejects(pipeline(sftp.fs.createReadStream('/none'), sftp.fs.createWriteStream('/x')), {
    code: 'no-such-file',
  });
});

test('a write stream: memory that is used again, failures, and nothing written after its end', async () => {
  const { server, sftp } = await startMemory();
  const stream = sftp.fs.createWriteStream('/f');
  const reused = Buffer.alloc(50_000);
  for (let at = 0; at < 10; at++) {
    reused.fill(at + 1);
    await new Promise((resolve) => stream.write(reused, resolve));
  }
  await new Promise<void>((resolve) => stream.end(resolve));
  const expected = Buffer.concat(Array.from({ length: 10 }, (_, at) => Buffer.alloc(50_000, at + 1)));
  assert.ok(server.data('/f').equals(expected));

  const failing = await startMemory({
    hook: (number, message) =>
      number === messages.write.number ? status(message.readUInt32BE(1), 4, 'disk full') : undefined,
  });
  const bad = failing.sftp.fs.createWriteStream('/f');
  const failed = new Promise<Error>((resolve) => bad.once('error', resolve));
  bad.end(content);
  assert.match((await failed).message, /disk full/);
  await turn();
  assert.equal(failing.server.handles.size, 0);

  const destroyed = sftp.fs.createWriteStream('/g');
  destroyed.write(Buffer.alloc(8_000_000));
  await new Promise((resolve) => destroyed.once('ready', resolve).once('drain', resolve));
  destroyed.destroy();
  await new Promise((resolve) => destroyed.once('close', resolve));
});
