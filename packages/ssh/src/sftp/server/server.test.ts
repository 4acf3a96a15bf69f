/** The server: greeting, statuses, handles, and what a client must not do. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { memoryFileSystem } from '../../server/file-systems/memory.ts';
import { WireWriter } from '../../wire/index.ts';
import * as messages from '../messages.ts';
import { statusCodes } from '../status.ts';
import { fileError } from './failure.ts';
import type { SftpLogLevel } from './log.ts';
import { serverRequests } from './requests/table.ts';
import { dataOf, handleOf, scriptedFiles, statusCode, TestClient } from './server.test.kit.ts';

const { read: R, write: W, create: C, truncate: T, exclusive: X, append: A } = messages.openFlags;
const path = (text: string) => ({ path: Buffer.from(text) });
const noAttributes = { attributes: {} };

function start(files: Record<string, string> = {}, options = {}): TestClient {
  const client = new TestClient(memoryFileSystem({ files }), options);
  client.greet();
  return client;
}

test('every file of a request is a row, and the rows have the names of OpenSSH’s server', () => {
  const helpers = ['request.ts', 'table.ts', 'set-attributes.ts', 'file-system-reply.ts'];
  const files = readdirSync(new URL('requests/', import.meta.url)).filter(
    (name) => /^[a-z-]+\.[jt]s$/.test(name) && !helpers.includes(name.replace('.js', '.ts')),
  );
  const names = serverRequests.map(({ name }) => name);
  assert.deepEqual(files.map((name) => name.slice(0, -3)).sort(), [...names].sort());
  const openSsh =
    'open close read write lstat fstat setstat fsetstat opendir readdir remove mkdir rmdir realpath stat rename readlink symlink ' +
    'posix-rename statvfs fstatvfs hardlink fsync lsetstat limits expand-path copy-data home-directory users-groups-by-id';
  assert.deepEqual(names, openSsh.split(' '));
});

test('the greeting lists what is served, in OpenSSH’s order', () => {
  const client = start();
  const { version, extensions } = messages.version.decode(client.replies[0]?.message as Buffer);
  assert.equal(version, 3);
  assert.deepEqual(
    extensions.map(([name, data]) => `${name} ${data}`),
    [
      ...['posix-rename@openssh.com 1', 'statvfs@openssh.com 2', 'fstatvfs@openssh.com 2', 'hardlink@openssh.com 1'],
      ...['fsync@openssh.com 1', 'lsetstat@openssh.com 1', 'limits@openssh.com 1', 'expand-path@openssh.com 1'],
      ...['copy-data 1', 'home-directory 1', 'users-groups-by-id@openssh.com 1'],
    ],
  );
  // What the file system does not have is not promised.
  const bare = new TestClient(scriptedFiles({}));
  bare.greet();
  const few = messages.version.decode(bare.replies[0]?.message as Buffer).extensions.map(([name]) => name);
  assert.ok(!few.includes('posix-rename@openssh.com') && !few.includes('hardlink@openssh.com'));
});

test('a file is made, written, read, listed, renamed and removed', async () => {
  const client = start();
  assert.equal(await client.status(messages.mkdir, { ...path('/d'), ...noAttributes }), statusCodes.ok);
  const handle = await client.open('/d/f', W | R | C);
  const data = Buffer.from('0123456789');
  assert.equal(await client.status(messages.write, { handle, offset: 0n, data }), statusCodes.ok);
  assert.equal(dataOf(await client.ask(messages.read, { handle, offset: 4n, length: 100 })), '456789');
  assert.equal(dataOf(await client.ask(messages.read, { handle, offset: 4n, length: 0 })), '');
  assert.equal(await client.status(messages.read, { handle, offset: 10n, length: 1 }), statusCodes.eof);
  const size = messages.attrs.decode((await client.ask(messages.fstat, { handle })).message).attributes.size;
  assert.equal(size, 10);
  assert.equal(await client.status(messages.fsetstat, { handle, attributes: { size: 3 } }), statusCodes.ok);
  assert.equal(await client.status(messages.close, { handle }), statusCodes.ok);
  assert.equal(await client.status(messages.close, { handle }), statusCodes.noSuchFile);

  const listing = handleOf(await client.ask(messages.opendir, path('/d')));
  const { names } = messages.names.decode((await client.ask(messages.readdir, { handle: listing })).message);
  assert.deepEqual(
    names.map(({ name }) => name.toString()),
    ['.', '..', 'f'],
  );
  assert.match(String(names[2]?.longName), /^-rw-rw-rw- {3}1 0 {8}0 {15}3 \w{3} [ \d]\d \d\d:\d\d f$/);
  assert.equal(await client.status(messages.readdir, { handle: listing }), statusCodes.eof);

  const move = { oldPath: Buffer.from('/d/f'), newPath: Buffer.from('/d/g') };
  assert.equal(await client.status(messages.rename, move), statusCodes.ok);
  assert.equal(await client.status(messages.rename, move), statusCodes.noSuchFile);
  assert.equal(await client.status(messages.rmdir, path('/d')), statusCodes.failure);
  assert.equal(await client.status(messages.remove, path('/d/g')), statusCodes.ok);
  assert.equal(await client.status(messages.rmdir, path('/d')), statusCodes.ok);
  assert.equal(await client.status(messages.stat, path('/d')), statusCodes.noSuchFile);
});

test('links: OpenSSH’s order of arguments', async () => {
  const client = start({ '/f': 'x' });
  const link = { target: Buffer.from('f'), linkPath: Buffer.from('/l') };
  assert.equal(await client.status(messages.symlink, link), statusCodes.ok);
  const [{ name } = assert.fail()] = messages.names.decode(
    (await client.ask(messages.readlink, path('/l'))).message,
  ).names;
  assert.equal(name.toString(), 'f');
  const [{ name: real } = assert.fail()] = messages.names.decode(
    (await client.ask(messages.realpath, path('l'))).message,
  ).names;
  assert.equal(real.toString(), '/f');
});

test('open: flags, exclusive, append, truncate, and a file system that is asked for exactly that', async () => {
  const client = start({ '/f': 'old' });
  assert.equal(
    await client.status(messages.open, { ...path('/f'), flags: W | C | X, attributes: {} }),
    statusCodes.failure,
  );
  const append = await client.open('/f', W | A);
  await client.status(messages.write, { handle: append, offset: 0n, data: Buffer.from('er') });
  assert.equal(
    dataOf(await client.ask(messages.read, { handle: await client.open('/f', R), offset: 0n, length: 9 })),
    'older',
  );
  // Not opened for reading.
  assert.equal(await client.status(messages.read, { handle: append, offset: 0n, length: 9 }), statusCodes.noSuchFile);
  await client.open('/f', W | T);
  const asked: unknown[] = [];
  const scripted = new TestClient(
    scriptedFiles({
      open: (name, request) => {
        asked.push(name.toString(), request);
        throw fileError('EACCES');
      },
    }),
    { umask: 0o077 },
  );
  scripted.greet();
  const request = { ...path('x'), flags: C, attributes: { mode: 0o104755 } };
  assert.equal(await scripted.status(messages.open, request), statusCodes.permissionDenied);
  const wanted = {
    read: true,
    write: false,
    append: false,
    create: true,
    truncate: false,
    exclusive: false,
    mode: 0o4700,
  };
  assert.deepEqual(asked, ['x', wanted]);
});

test('statuses are those of OpenSSH’s server, and so are their texts', async () => {
  const cases: [unknown, number, string][] = [
    [{ code: 'ENOENT' }, 2, 'No such file'],
    [{ code: 'ENOTDIR' }, 2, 'No such file'],
    [{ code: 'EPERM' }, 3, 'Permission denied'],
    [{ code: 'ENAMETOOLONG' }, 5, 'Bad message'],
    [{ code: 'ENOSPC' }, 4, 'Failure'],
    [{ code: 'ENOSYS' }, 8, 'Operation unsupported'],
    [fileError('ELOOP'), 2, 'No such file'],
    [new SshError('x', { code: 'unsupported', stage: 'sftp' }), 8, 'Operation unsupported'],
    [new SshError('x', { code: 'timeout', stage: 'sftp' }), 4, 'Failure'],
    [new TypeError('a bug'), 4, 'Failure'],
    [undefined, 4, 'Failure'],
    ['text', 4, 'Failure'],
  ];
  for (const [error, code, text] of cases) {
    const files = scriptedFiles({
      stat: () => {
        throw error;
      },
      lstat: () => Promise.reject(error),
    });
    for (const request of [messages.stat, messages.lstat]) {
      const client = new TestClient(files);
      client.greet();
      const status = messages.status.decode((await client.ask(request, path('f'))).message);
      assert.deepEqual([status.code, String(status.message), String(status.language)], [code, text, '']);
    }
  }
  // Clients of before version 3 take a number alone.
  const old = new TestClient(scriptedFiles({}));
  old.greet(2);
  assert.equal((await old.ask(messages.stat, path('f'))).message.length, 9);
});

test('what a file system lacks is unsupported', async () => {
  const client = new TestClient(scriptedFiles({}));
  client.greet();
  const two = { oldPath: Buffer.from('a'), newPath: Buffer.from('b') };
  for (const status of [
    await client.status(messages.remove, path('f')),
    await client.status(messages.mkdir, { ...path('f'), ...noAttributes }),
    await client.status(messages.setstat, { ...path('f'), ...noAttributes }),
    await client.status(messages.rename, two),
    await client.status(messages.readlink, path('f')),
    statusCode(await client.extended('hardlink@openssh.com', new WireWriter().string('a').string('b').finish())),
    statusCode(await client.extended('statvfs@openssh.com', new WireWriter().string('a').finish())),
    statusCode(await client.extended('nobody@example.com', Buffer.alloc(0))),
  ]) {
    assert.equal(status, statusCodes.unsupported);
  }
});

test('unknown messages are answered; bodies that do not decode are "Bad message", and the session goes on', async () => {
  const client = start();
  for (const [number, body, code] of [
    [99, '', statusCodes.unsupported],
    [3, '', statusCodes.badMessage],
    [4, '0000ffff', statusCodes.badMessage],
    [5, '000000040000', statusCodes.badMessage],
    [6, '00000004000000000000000000000000ffffffff', statusCodes.badMessage],
    [9, '0000000161800000000000ffff', statusCodes.badMessage],
    [200, '00000001ff', statusCodes.badMessage],
  ] as const) {
    const id = client.id();
    client.send(Buffer.concat([new WireWriter().uint8(number).uint32(id).finish(), Buffer.from(body, 'hex')]));
    assert.equal(statusCode(await client.reply(id)), code, `message ${number}`);
  }
  assert.equal(await client.status(messages.stat, path('/')).catch(() => 'attributes'), 'attributes');
});

test('bytes behind the fields are let pass, and are no part of the data', async () => {
  const client = start({ '/f': '' });
  const more = Buffer.from('left over');
  const send = async (message: Buffer, id: number) => {
    client.send(Buffer.concat([message, more]));
    return client.reply(id);
  };
  const handle = await client.open('/f', W | R);
  for (const [at, offset] of [0n, 4n].entries()) {
    const id = client.id();
    const written = messages.write.encode({ id, handle, offset, data: Buffer.from(`data${at}`) });
    assert.equal(statusCode(await send(written, id)), statusCodes.ok);
  }
  const id = client.id();
  assert.equal(dataOf(await send(messages.read.encode({ id, handle, offset: 0n, length: 100 }), id)), 'datadata1');
  for (const message of [messages.stat, messages.lstat, messages.opendir]) {
    const other = client.id();
    assert.notEqual((await send(message.encode({ id: other, ...path('/') }), other)).number, messages.status.number);
  }
});

test('what is no sftp ends the session: no greeting, lengths of nothing or too much, requests without a number', () => {
  const refuses = (bytes: string, code: string, greeted = true) => {
    const client = new TestClient(memoryFileSystem());
    if (greeted) client.greet();
    assert.throws(
      () => client.server.receive(Buffer.from(bytes, 'hex')),
      (error) => error instanceof SshError && error.code === code && error.stage === 'sftp' && error.side === 'peer',
    );
  };
  refuses('0000000911000000010000000161', 'bad-message', false);
  refuses('00000000', 'limit-exceeded');
  refuses('ffffffff', 'limit-exceeded');
  refuses('0004000101', 'limit-exceeded');
  refuses('0000000411000000', 'bad-message');
  refuses('000000030100ff', 'bad-message', false);
});

test('handles: unknown ones, those of listings, numbers that are not given again', async () => {
  const client = start({ '/f': 'x' });
  const listing = handleOf(await client.ask(messages.opendir, path('/')));
  for (const handle of [Buffer.alloc(0), Buffer.alloc(4, 0xff), Buffer.alloc(300), Buffer.from('0'), listing]) {
    const data = Buffer.from('x');
    assert.equal(await client.status(messages.read, { handle, offset: 0n, length: 1 }), statusCodes.failure);
    assert.equal(await client.status(messages.write, { handle, offset: 0n, data }), statusCodes.failure);
    assert.equal(await client.status(messages.fstat, { handle }), statusCodes.failure);
    assert.equal(await client.status(messages.fsetstat, { handle, attributes: { size: 0 } }), statusCodes.failure);
    const one = new WireWriter().string(handle).finish();
    assert.equal(statusCode(await client.extended('fsync@openssh.com', one)), statusCodes.noSuchFile);
    assert.equal(statusCode(await client.extended('fstatvfs@openssh.com', one)), statusCodes.failure);
  }
  const seen = new Set<string>();
  for (let round = 0; round < 20; round++) {
    const handle = await client.open('/f', R);
    assert.ok(!seen.has(handle.toString('hex')));
    seen.add(handle.toString('hex'));
    assert.equal(await client.status(messages.readdir, { handle }), statusCodes.failure);
    await client.status(messages.close, { handle });
  }
});

test('no more handles than allowed, however fast they are asked for; closing one makes room', async () => {
  const client = start({ '/f': 'x' }, { maxHandles: 5 });
  const opens = Array.from({ length: 3000 }, (_, id) =>
    messages.open.encode({ id, ...path('/f'), flags: R, attributes: {} }),
  );
  client.send(...opens);
  const replies = await Promise.all(opens.map((_, id) => client.reply(id)));
  const handles = replies.filter(({ number }) => number === messages.handle.number);
  assert.equal(handles.length, 5);
  assert.equal(
    replies.filter((reply) => reply.number !== messages.handle.number && statusCode(reply) === 4).length,
    2995,
  );
  for (let at = 0; at < 3000; at++) client.id();
  await client.status(messages.close, { handle: handleOf(handles[0] as never) });
  await client.open('/f', R);
});

test('paths that are too long, empty, or hold a NUL', async () => {
  const client = start({ '/f': 'x' });
  assert.equal(await client.status(messages.stat, path('a'.repeat(4097))), statusCodes.badMessage);
  assert.equal(await client.status(messages.stat, path('/f\0')), statusCodes.badMessage);
  assert.equal(await client.status(messages.stat, path('')), statusCodes.noSuchFile);
  const odd = Buffer.from([0x2f, 0xff, 0x0a, 0x80]);
  await client.open(odd, W | C);
  const listing = handleOf(await client.ask(messages.opendir, path('/')));
  const { names } = messages.names.decode((await client.ask(messages.readdir, { handle: listing })).message);
  assert.ok(
    names.some(({ name, longName }) => name.equals(odd.subarray(1)) && longName.subarray(-3).equals(odd.subarray(1))),
  );
});

test('offsets and sizes beyond what a file can have', async () => {
  const client = start({ '/f': 'x' });
  const handle = await client.open('/f', R | W);
  const data = Buffer.from('x');
  const cases: [bigint, number, number][] = [
    [2n ** 64n - 1n, statusCodes.badMessage, statusCodes.badMessage],
    [2n ** 63n, statusCodes.badMessage, statusCodes.badMessage],
    [2n ** 63n - 2048n, statusCodes.eof, statusCodes.failure],
    [2n ** 53n, statusCodes.eof, statusCodes.failure],
    [2n ** 40n, statusCodes.eof, statusCodes.failure],
  ];
  for (const [offset, reading, writing] of cases) {
    assert.equal(await client.status(messages.read, { handle, offset, length: 1 }), reading, `read at ${offset}`);
    assert.equal(await client.status(messages.write, { handle, offset, data }), writing, `write at ${offset}`);
  }
  assert.equal(
    await client.status(messages.fsetstat, { handle, attributes: { size: 2 ** 53 - 1 } }),
    statusCodes.failure,
  );
  // A read of 4 GiB is one of as much as fits a message.
  assert.equal(dataOf(await client.ask(messages.read, { handle, offset: 0n, length: 0xffff_ffff })), 'x');
});

test('a listing whose names fill more than a message comes in several', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 1500 }, (_, at) => [`/d/${String(at).padStart(250, 'n')}`, '']),
  );
  const client = start(files);
  const handle = handleOf(await client.ask(messages.opendir, path('/d')));
  const seen = new Set<string>();
  for (;;) {
    const reply = await client.ask(messages.readdir, { handle });
    if (reply.number === messages.status.number) break;
    for (const { name } of messages.names.decode(reply.message).names) seen.add(name.toString());
  }
  assert.equal(seen.size, 1502);
  // One batch of a file system that is far too much for a message.
  const entry = (at: number) => ({ name: Buffer.alloc(1000, String(at % 10)), attributes: {} });
  const batches = [Array.from({ length: 600 }, (_, at) => entry(at)), [], [entry(7)]];
  const large = new TestClient(
    scriptedFiles({ openDirectory: () => ({ read: () => batches.shift(), close: () => {} }) }),
  );
  large.greet();
  const big = handleOf(await large.ask(messages.opendir, path('/')));
  let count = 0;
  for (;;) {
    const reply = await large.ask(messages.readdir, { handle: big });
    if (reply.number === messages.status.number) break;
    count += messages.names.decode(reply.message).names.length;
  }
  assert.equal(count, 601);
});

test('the log has OpenSSH’s words, and names in it are harmless', async () => {
  const lines: string[] = [];
  const log = {
    level: 'info' as SftpLogLevel,
    write: (level: string, text: string) => void lines.push(`${level} ${text}`),
  };
  const client = start({}, { log });
  const handle = await client.open('/a\n\x1b[2J', W | R | C | T, { mode: 0o640 });
  await client.status(messages.write, { handle, offset: 0n, data: Buffer.from('12345') });
  await client.ask(messages.read, { handle, offset: 3n, length: 10 });
  await client.status(messages.close, { handle });
  await client.status(messages.setstat, { ...path('/a'), attributes: { mode: 0o600, owner: { uid: 1, gid: 2 } } });
  await client.status(messages.mkdir, { ...path('/d'), ...noAttributes });
  await client.open('/left', W | C);
  await client.server.end();
  assert.deepEqual(lines, [
    'info open "/a\\012\\033[2J" flags READ,WRITE,CREATE,TRUNCATE mode 0640',
    'info close "/a\\012\\033[2J" bytes read 2 written 5',
    'info set "/a" mode 0600',
    'info set "/a" owner 1 group 2',
    'info sent status No such file',
    'info mkdir name "/d" mode 0777',
    'info open "/left" flags WRITE,CREATE mode 0666',
    'info forced close "/left" bytes read 0 written 0',
  ]);
});
