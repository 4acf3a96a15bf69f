/** The calls of an sftp client: what goes out, what comes back, and what a server must not do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { WireWriter } from '../wire/index.ts';
import * as messages from './messages.ts';
import { type openSshExtensions, type Received, startClient, status } from './scripted-server.test.kit.ts';
import { statusCodes } from './status.ts';

const rejects = (promise: Promise<unknown>, code: string, text: RegExp | string = /./) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof SshError);
    assert.deepEqual([error.code, error.stage], [code, 'sftp']);
    if (typeof text === 'string') assert.equal(error.message, text);
    else assert.match(error.message, text);
    return true;
  });

const noStat = ({ id, number }: Received) =>
  number === messages.stat.number ? messages.attrs.encode({ id, attributes: {} }) : undefined;

test('each call sends its message, text as UTF-8 and bytes as they are', async () => {
  const { client, server } = await startClient(noStat);
  const odd = Buffer.from([0x61, 0xff, 0x0a]);
  await client.mkdir(odd, { mode: 0o700 });
  await client.rmdir('é');
  await client.remove('file');
  await client.setStat('file', { mode: 0o600 });
  await client.stat('file');
  await client.symlink('target', 'link');
  const sent = (message: Parameters<typeof server.requests>[0]) =>
    server.requests(message)[0] as Record<string, unknown>;
  assert.deepEqual(sent(messages.mkdir), { id: 0, path: odd, attributes: { mode: 0o700 } });
  assert.deepEqual(sent(messages.rmdir).path, Buffer.from('é'));
  assert.deepEqual(sent(messages.remove).path, Buffer.from('file'));
  assert.deepEqual(sent(messages.setstat).attributes, { mode: 0o600 });
  // OpenSSH's order, which is not the draft's.
  const { message } = server.received.at(-1) as Received;
  assert.deepEqual(message.subarray(5), new WireWriter().string('target').string('link').finish());
  await rejects(client.stat('a\0b'), 'misuse');
});

test('open asks for what was said, and writes go on where they were told', async () => {
  const { client, server } = await startClient(undefined);
  const modes = [
    {},
    { write: true },
    { read: true, write: true },
    { append: true, create: true },
    { write: true, create: true, exclusive: true, truncate: true },
  ];
  for (const mode of modes) await (await client.open('f', mode, { attributes: { mode: 0o600 } })).close();
  assert.deepEqual(
    server.requests(messages.open).map(({ flags }) => flags),
    [0x1, 0x2, 0x3, 0xe, 0x3a],
  );
  const file = await client.open('f', { write: true });
  const bytes = Buffer.alloc(client.limits.writeBytes * 2 + 5, 'x');
  await file.write(7, bytes);
  const writes = server.requests(messages.write);
  assert.deepEqual(
    writes.map(({ offset, data }) => [Number(offset), data.length]),
    [
      [7, 32768],
      [7 + 32768, 32768],
      [7 + 65536, 5],
    ],
  );
  await Promise.all([file.close(), file.close()]);
  assert.equal(server.requests(messages.close).length, modes.length + 1);
  await rejects(file.write(-1, bytes), 'misuse');
  await rejects(file.read(0.5, 1), 'misuse');
});

test('a write that failed is told, whatever the later ones say', async () => {
  let count = 0;
  const { client } = await startClient(({ id, number }) =>
    number === messages.write.number && count++ === 0 ? status(id, statusCodes.failure, 'disk full') : undefined,
  );
  const file = await client.open('f', { write: true });
  await rejects(file.write(0, Buffer.alloc(100_000)), 'operation-failed', 'write "f": Failure (disk full)');
});

test('reading: short reads, the end, and a server that makes no progress or gives too much', async () => {
  const content = Buffer.from('0123456789');
  const serve = ({ id, message, number }: Received) => {
    if (number === messages.fstat.number) return messages.attrs.encode({ id, attributes: {} });
    if (number !== messages.read.number) return undefined;
    const { offset, length } = messages.read.decode(message);
    const data = content.subarray(Number(offset), Number(offset) + Math.min(length, 3));
    return data.length === 0 ? status(id, statusCodes.eof) : messages.data.encode({ id, data });
  };
  const { client, server } = await startClient(serve);
  assert.equal((await client.readFile('f')).toString(), '0123456789');
  assert.equal(server.requests(messages.close).length, 1);
  await rejects(client.readFile('f', { maxBytes: 5 }), 'limit-exceeded');
  assert.equal(server.requests(messages.close).length, 2);
  const file = await client.open('f');
  assert.equal((await file.read(8, 100)).toString(), '89');
  assert.equal((await file.read(10, 100)).length, 0);
  assert.equal((await file.read(0, 0)).length, 0);

  for (const bytes of [0, 11]) {
    const bad = await startClient(({ id, number }) =>
      number === messages.read.number ? messages.data.encode({ id, data: Buffer.alloc(bytes) }) : undefined,
    );
    await rejects(
      (await bad.client.open('f')).read(0, 10),
      'bad-message',
      /did not say that the file ends|where 10 were/,
    );
    assert.equal((await bad.client.closed)?.code, 'bad-message');
  }
});

test('a listing: batches to the end, no . and .., bytes that are no UTF-8, the handle closed on every way out', async () => {
  const entry = (name: string | Buffer) => ({
    name: Buffer.from(name),
    longName: Buffer.from('ls'),
    attributes: { mode: 0o100600 },
  });
  const serve = (batches: readonly (readonly ReturnType<typeof entry>[])[]) => {
    let at = 0;
    return ({ id, number }: Received) => {
      if (number !== messages.readdir.number) return undefined;
      const names = batches[at++];
      return names === undefined ? status(id, statusCodes.eof) : messages.names.encode({ id, names });
    };
  };
  const good = [
    [entry('.'), entry('..'), entry('a')],
    [entry(Buffer.from([0xff])), entry('...')],
  ];
  const { client, server } = await startClient(serve(good));
  const seen = [];
  for await (const { text, bytes } of client.readdir('d')) seen.push([text, bytes.toString('hex')]);
  assert.deepEqual(seen, [
    ['a', '61'],
    [undefined, 'ff'],
    ['...', '2e2e2e'],
  ]);
  assert.equal(server.requests(messages.close).length, 1);

  const early = await startClient(serve(good));
  for await (const { text } of early.client.readdir('d')) {
    assert.equal(text, 'a');
    break;
  }
  assert.equal(early.server.requests(messages.close).length, 1);
  const empty = await startClient(serve([[]]));
  for await (const _ of empty.client.readdir('d')) assert.fail('an entry');

  for (const name of ['', 'a/b', '../x', '/', 'a\0']) {
    const bad = await startClient(serve([[entry('fine'), entry(name)]]));
    await assert.rejects(async () => {
      for await (const { text } of bad.client.readdir('d')) assert.equal(text, 'fine');
    }, /lists a name that is none inside a folder/);
    assert.equal((await bad.client.closed)?.code, 'bad-message');
  }
});

test('rename replaces where the server can, and is the plain one where it cannot', async () => {
  const modern = await startClient();
  await modern.client.rename('a', 'b');
  const [{ request, data } = assert.fail()] = modern.server.requests(messages.extended);
  assert.equal(request, 'posix-rename@openssh.com');
  assert.deepEqual(data, new WireWriter().string('a').string('b').finish());
  await modern.client.rename('a', 'b', { replaces: false });
  assert.deepEqual(
    [modern.server.requests(messages.rename).length, modern.server.requests(messages.extended).length],
    [1, 1],
  );
  for (const extensions of [[], [['posix-rename@openssh.com', Buffer.from('2')]]] as const) {
    const old = await startClient(undefined, { extensions: extensions as typeof openSshExtensions });
    await old.client.rename('a', 'b');
    assert.equal(old.server.requests(messages.rename).length, 1);
    await rejects(old.client.link('a', 'b'), 'unsupported', 'link "b": the server does not offer hardlink@openssh.com');
  }
});

test('statuses are errors with a code, the operation and the path', async () => {
  const cases: [number, string, string, string][] = [
    [2, 'No such file', 'no-such-file', 'stat "a\\012": No such file or directory'],
    [3, 'Permission denied', 'permission-denied', 'stat "a\\012": Permission denied'],
    [4, 'odd \x1b[1m', 'operation-failed', 'stat "a\\012": Failure (odd \\033[1m)'],
    [1, '', 'operation-failed', 'stat "a\\012": End of file'],
    [8, '', 'unsupported', 'stat "a\\012": Operation unsupported'],
    [7, '', 'connection-lost', 'stat "a\\012": Connection lost'],
    [99, '', 'operation-failed', 'stat "a\\012": status 99'],
  ];
  for (const [code, text, errorCode, message] of cases) {
    const { client } = await startClient(({ id }) => status(id, code, text));
    await rejects(client.stat('a\n'), errorCode, message);
    await rejects(client.stat('again'), errorCode);
  }
  // Servers of before version 3 leave the texts out.
  const { client } = await startClient(({ id }) => messages.status.encode({ id, code: 2 }));
  await rejects(client.remove('a'), 'no-such-file');
});

test('limits@openssh.com is asked for once and held to what a message can hold', async () => {
  const limit = (packet: bigint, read: bigint, write: bigint, handles: bigint) => {
    const data = new WireWriter().uint64(packet).uint64(read).uint64(write).uint64(handles).finish();
    return startClient(
      ({ id, number }) =>
        number === messages.extended.number ? messages.extendedReply.encode({ id, data }) : undefined,
      { extensions: [['limits@openssh.com', Buffer.from('1')]] },
    );
  };
  const openSsh = (await limit(262_144n, 261_120n, 261_120n, 1019n)).client.limits;
  assert.deepEqual(openSsh, { readBytes: 261_120, writeBytes: 261_120, openHandles: 1019 });
  const none = (await limit(0n, 0n, 0n, 0n)).client.limits;
  assert.deepEqual(none, { readBytes: 261_120, writeBytes: 261_120, openHandles: undefined });
  const giant = (await limit(2n ** 64n - 1n, 2n ** 63n, 2n ** 63n, 5n)).client.limits;
  assert.deepEqual([giant.readBytes, giant.writeBytes], [261_120, 261_120]);
  const small = (await limit(34_000n, 32_768n, 1000n, 5n)).client.limits;
  assert.deepEqual([small.readBytes, small.writeBytes], [32_768, 1000]);
});

test('requests are as large as the caller wants at most', async () => {
  const { client, server } = await startClient(undefined, { requestBytes: 1000 });
  assert.deepEqual([client.limits.readBytes, client.limits.writeBytes], [1000, 1000]);
  const file = await client.open('f', { write: true });
  await file.write(0, Buffer.alloc(2500));
  assert.deepEqual(
    server.requests(messages.write).map(({ data }) => data.length),
    [1000, 1000, 500],
  );
  assert.equal((await startClient(undefined, { requestBytes: 10_000_000 })).client.limits.readBytes, 32 * 1024);
});

test('realpath and readlink take one name, handles a bounded number of bytes', async () => {
  const names = (count: number) =>
    startClient(({ id, number }) =>
      number === messages.realpath.number
        ? messages.names.encode({
            id,
            names: Array.from({ length: count }, () => ({
              name: Buffer.from('/é'),
              longName: Buffer.alloc(0),
              attributes: {},
            })),
          })
        : undefined,
    );
  assert.deepEqual(await (await names(1)).client.realpath('.'), { bytes: Buffer.from('/é'), text: '/é' });
  for (const count of [0, 2])
    await rejects((await names(count)).client.realpath('.'), 'bad-message', /names where one/);
  const { client } = await startClient(({ id, number }) =>
    number === messages.open.number ? messages.handle.encode({ id, handle: Buffer.alloc(257) }) : undefined,
  );
  await rejects(client.open('f'), 'bad-message', /handle of 257 bytes/);
});
