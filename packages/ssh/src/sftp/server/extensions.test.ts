/** The extensions, as the server answers them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryFileSystem } from '../../server/file-systems/memory.ts';
import { WireReader, WireWriter } from '../../wire/index.ts';
import * as messages from '../messages.ts';
import { statusCodes } from '../status.ts';
import type { AccountNames } from './file-system.ts';
import { dataOf, type Reply, scriptedFiles, statusCode, TestClient } from './server.test.kit.ts';

const { read: R, write: W, create: C } = messages.openFlags;
const strings = (...parts: (string | Buffer)[]) =>
  parts.reduce((writer: WireWriter, part) => writer.string(part), new WireWriter()).finish();

const accounts: AccountNames = {
  user: (uid) => (uid === 0 ? 'root' : undefined),
  group: async (gid) => (gid === 5 ? 'tty' : undefined),
  home: (user) => (user === 'ada' ? '/home/ada' : undefined),
};

function start(files: Record<string, string>): TestClient {
  const client = new TestClient(memoryFileSystem({ files, startDirectory: '/start' }), { accounts });
  client.greet();
  return client;
}

const nameOf = (reply: Reply) => {
  if (reply.number === messages.status.number) return `status ${statusCode(reply)}`;
  return messages.names.decode(reply.message).names.map(({ name }) => name.toString());
};

test('limits@openssh.com', async () => {
  const reply = messages.extendedReply.decode(
    (await start({}).extended('limits@openssh.com', Buffer.alloc(0))).message,
  );
  const reader = new WireReader(reply.data);
  assert.deepEqual(
    [reader.uint64(), reader.uint64(), reader.uint64(), reader.uint64(), reader.remaining],
    [262_144n, 261_120n, 261_120n, 1024n, 0],
  );
});

test('statvfs@openssh.com and fstatvfs@openssh.com say the same', async () => {
  const client = start({ '/f': 'x' });
  const handle = await client.open('/f', R);
  const byPath = messages.extendedReply.decode((await client.extended('statvfs@openssh.com', strings('/f'))).message);
  assert.equal(byPath.data.length, 11 * 8);
  assert.equal(statusCode(await client.extended('statvfs@openssh.com', strings('/none'))), statusCodes.noSuchFile);
  assert.equal(statusCode(await client.extended('fstatvfs@openssh.com', strings(handle))), statusCodes.unsupported);
  const status = { blockBytes: 1n, fragmentBytes: 2n, blocks: 3n, freeBlocks: 4n, availableBlocks: 5n, files: 6n };
  const all = { ...status, freeFiles: 7n, availableFiles: 8n, id: 9n, flags: 10n, maxNameBytes: 11n };
  const file = { stat: () => ({}), close: () => {}, statFileSystem: async () => all };
  const scripted = new TestClient(scriptedFiles({ open: () => file, statFileSystem: () => all }));
  scripted.greet();
  const open = await scripted.open('f', R);
  const replies = [
    await scripted.extended('fstatvfs@openssh.com', strings(open)),
    await scripted.extended('statvfs@openssh.com', strings('f')),
  ].map(({ message }) => messages.extendedReply.decode(message).data);
  for (const data of replies) {
    assert.deepEqual(
      Array.from({ length: 11 }, (_, at) => data.readBigUInt64BE(at * 8)),
      [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 10n, 11n],
    );
  }
});

test('posix-rename replaces, the plain one does not; hardlink; lsetstat; fsync', async () => {
  const client = start({ '/a': 'A', '/b': 'B' });
  const two = { oldPath: Buffer.from('/a'), newPath: Buffer.from('/b') };
  assert.equal(await client.status(messages.rename, two), statusCodes.failure);
  assert.equal(statusCode(await client.extended('hardlink@openssh.com', strings('/a', '/c'))), statusCodes.ok);
  assert.equal(statusCode(await client.extended('posix-rename@openssh.com', strings('/a', '/b'))), statusCodes.ok);
  for (const name of ['/b', '/c']) {
    assert.equal(
      dataOf(await client.ask(messages.read, { handle: await client.open(name, R), offset: 0n, length: 5 })),
      'A',
    );
  }
  assert.equal(await client.status(messages.symlink, { target: Buffer.from('b'), linkPath: Buffer.from('/l') }), 0);
  const times = Buffer.concat([strings('/l'), Buffer.from('000000080000000100000002', 'hex')]);
  assert.equal(statusCode(await client.extended('lsetstat@openssh.com', times)), statusCodes.ok);
  const { attributes } = messages.attrs.decode((await client.ask(messages.lstat, { path: Buffer.from('/l') })).message);
  assert.deepEqual(attributes.times, { accessed: 1, modified: 2 });
  const size = Buffer.concat([strings('/l'), Buffer.from('000000010000000000000001', 'hex')]);
  assert.equal(statusCode(await client.extended('lsetstat@openssh.com', size)), statusCodes.badMessage);
  const handle = await client.open('/b', W);
  assert.equal(statusCode(await client.extended('fsync@openssh.com', strings(handle))), statusCodes.ok);
});

test('expand-path@openssh.com and home-directory', async () => {
  const client = start({ '/start/x': '', '/home/ada/y': '' });
  const expand = async (text: string) => nameOf(await client.extended('expand-path@openssh.com', strings(text)));
  assert.deepEqual(await expand(''), ['/start']);
  assert.deepEqual(await expand('~'), ['/start']);
  assert.deepEqual(await expand('~/x'), ['/start/x']);
  assert.deepEqual(await expand('x/../new'), 'status 2');
  assert.deepEqual(await expand('new'), ['/start/new']);
  assert.deepEqual(await expand('~ada/y'), ['/home/ada/y']);
  assert.deepEqual(await expand('/home/./ada/..'), ['/home']);
  const unknown = await client.extended('expand-path@openssh.com', strings('~nobody/y'));
  assert.deepEqual(
    [statusCode(unknown), String(messages.status.decode(unknown.message).message)],
    [statusCodes.noSuchFile, 'no such user'],
  );
  assert.deepEqual(nameOf(await client.extended('home-directory', strings('ada'))), ['/home/ada']);
  assert.deepEqual(nameOf(await client.extended('home-directory', strings(''))), ['/start']);
  assert.deepEqual(nameOf(await client.extended('home-directory', strings('nobody'))), 'status 4');
});

test('users-groups-by-id@openssh.com', async () => {
  const client = start({});
  const ids = (...numbers: number[]) => {
    const writer = new WireWriter();
    for (const number of numbers) writer.uint32(number);
    return writer.finish();
  };
  const { data } = messages.extendedReply.decode(
    (await client.extended('users-groups-by-id@openssh.com', strings(ids(0, 7), ids(5, 6)))).message,
  );
  const reader = new WireReader(data);
  assert.deepEqual([reader.string(), reader.string()], [strings('root', ''), strings('tty', '')]);
  const odd = await client.extended('users-groups-by-id@openssh.com', strings(Buffer.alloc(5), ids()));
  assert.equal(statusCode(odd), statusCodes.badMessage);
  const many = await client.extended('users-groups-by-id@openssh.com', strings(Buffer.alloc(4 * 5000), ids()));
  assert.equal(statusCode(many), statusCodes.badMessage);
});

test('copy-data: to the end, a part, past the end, and never onto itself', async () => {
  const content = '0123456789'.repeat(60_000);
  const client = start({ '/from': content, '/to': '' });
  const from = await client.open('/from', R);
  const to = await client.open('/to', W | R);
  const again = await client.open('/from', W);
  const copy = async (source: Buffer, at: bigint, length: bigint, target: Buffer, targetAt: bigint) => {
    const numbers = new WireWriter().string(source).uint64(at).uint64(length).string(target).uint64(targetAt).finish();
    return statusCode(await client.extended('copy-data', numbers));
  };
  const sizeOf = async () =>
    messages.attrs.decode((await client.ask(messages.fstat, { handle: to })).message).attributes.size;
  assert.equal(await copy(from, 0n, 0n, to, 0n), statusCodes.ok);
  assert.equal(await sizeOf(), 600_000);
  assert.equal(await copy(from, 5n, 3n, to, 600_000n), statusCodes.ok);
  assert.equal(dataOf(await client.ask(messages.read, { handle: to, offset: 599_998n, length: 9 })), '89567');
  assert.equal(await copy(from, 599_999n, 5n, to, 0n), statusCodes.eof);
  assert.equal(await copy(from, 0n, 0n, from, 0n), statusCodes.failure);
  assert.equal(await copy(from, 0n, 0n, again, 600_000n), statusCodes.failure);
  assert.equal(await copy(to, 0n, 0n, again, 2n ** 63n), statusCodes.failure);
  assert.equal(await copy(Buffer.alloc(4, 9), 0n, 0n, to, 0n), statusCodes.failure);
  assert.equal(await copy(again, 0n, 0n, to, 0n), statusCodes.noSuchFile);
  // A second name of the same file is the same file.
  assert.equal(statusCode(await client.extended('hardlink@openssh.com', strings('/from', '/second'))), 0);
  assert.equal(await copy(from, 0n, 0n, await client.open('/second', W), 600_000n), statusCodes.failure);
  const made = await client.open('/made', W | C);
  const copying = copy(from, 0n, 0n, made, 0n);
  // Its client goes: the copy ends, and so does the session.
  await client.server.abort();
  await Promise.race([copying.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 20))]);
});
