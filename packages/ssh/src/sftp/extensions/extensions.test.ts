/** Each extension: what goes out, what comes back, and how it is done without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { WireWriter } from '../../wire/index.ts';
import * as messages from '../messages.ts';
import { type Received, startClient, status } from '../scripted-server.test.kit.ts';

type Extensions = readonly (readonly [string, Buffer])[];
const offering = (...names: string[]): Extensions => names.map((name) => [name, Buffer.from('1')] as const);

const name = (id: number, text: string) =>
  messages.names.encode({
    id,
    names: [{ name: Buffer.from(text), longName: Buffer.alloc(0), attributes: {} }],
  });
const isExtended = ({ number }: Received) => number === messages.extended.number;
const rejects = (promise: Promise<unknown>, code: string) =>
  assert.rejects(promise, (error) => error instanceof SshError && error.code === code);

test('expand-path: asked for paths with a tilde only; without it, the home is where the session starts', async () => {
  const answer = (request: Received) => {
    if (isExtended(request)) return name(request.id, '/home/bob/x');
    if (request.number !== messages.realpath.number) return undefined;
    const { path } = messages.realpath.decode(request.message);
    return name(request.id, path.toString() === '.' ? '/home/ada' : path.toString());
  };
  const modern = await startClient(answer, { extensions: offering('expand-path@openssh.com') });
  assert.equal((await modern.client.expandPath('~bob/x')).text, '/home/bob/x');
  assert.equal((await modern.client.expandPath('/a/~')).text, '/a/~');
  const [{ request, data } = assert.fail()] = modern.server.requests(messages.extended);
  assert.deepEqual([request, data], ['expand-path@openssh.com', new WireWriter().string('~bob/x').finish()]);
  assert.equal((await modern.client.homeDirectory('bob')).text, '/home/bob/x');
  assert.equal(modern.server.requests(messages.extended).length, 2);

  const old = await startClient(answer, { extensions: [] });
  assert.equal((await old.client.expandPath('~/x')).text, '/home/ada/x');
  assert.equal((await old.client.expandPath('~')).text, '/home/ada');
  await rejects(old.client.expandPath('~bob'), 'unsupported');

  const between = await startClient(answer, { extensions: offering('home-directory') });
  assert.equal((await between.client.expandPath('~bob/y')).text, '/home/bob/x/y');
  assert.equal(between.server.requests(messages.extended)[0]?.request, 'home-directory');
});

test('users-groups-by-id: as many names as numbers, or the session ends', async () => {
  const strings = (...texts: string[]) => {
    const inner = new WireWriter();
    for (const text of texts) inner.string(text);
    return inner.finish();
  };
  const start = (users: Buffer, groups: Buffer) =>
    startClient(
      (request) =>
        isExtended(request)
          ? messages.extendedReply.encode({
              id: request.id,
              data: new WireWriter().string(users).string(groups).finish(),
            })
          : undefined,
      { extensions: offering('users-groups-by-id@openssh.com') },
    );
  const good = await start(strings('root', ''), strings('wheel'));
  const found = await good.client.namesOf({ users: [0, 12_345], groups: [7] });
  assert.deepEqual([found.users.map(String), found.groups.map(String)], [['root', ''], ['wheel']]);
  const [{ data } = assert.fail()] = good.server.requests(messages.extended);
  assert.equal(data.toString('hex'), '00000008' + '00000000' + '00003039' + '00000004' + '00000007');
  await rejects((await start(strings('root'), strings())).client.namesOf({ users: [0, 1] }), 'bad-message');
  await rejects((await start(Buffer.of(0, 0, 0, 9, 1), strings())).client.namesOf({ users: [0] }), 'bad-message');
  await rejects((await startClient(undefined, { extensions: [] })).client.namesOf({ users: [0] }), 'unsupported');
});

test('copy-data: both handles and the range; never between sessions', async () => {
  let handles = 0;
  const answer = ({ id, number }: Received) =>
    number === messages.open.number ? messages.handle.encode({ id, handle: Buffer.from(`h${handles++}`) }) : undefined;
  const { client, server } = await startClient(answer, { extensions: offering('copy-data') });
  const [from, to] = [await client.open('a'), await client.open('b', { write: true })];
  await from.copyTo(to, { position: 1, length: 2, targetPosition: 3 });
  const [{ request, data } = assert.fail()] = server.requests(messages.extended);
  const expected = new WireWriter().string('h0').uint64(1n).uint64(2n).string('h1').uint64(3n).finish();
  assert.deepEqual([request, data], ['copy-data', expected]);
  const other = await startClient(undefined, { extensions: offering('copy-data') });
  await rejects(from.copyTo(await other.client.open('c')), 'misuse');
  await rejects(from.copyTo(to, { length: -1 }), 'misuse');
});

test('check-file: by the draft’s name, by the short one where a server knows no other, with and without its name in the reply', async () => {
  const digest = Buffer.alloc(32, 7);
  for (const [knows, withName] of [
    ['check-file-handle', true],
    ['check-file', false],
  ] as const) {
    const { client, server } = await startClient(
      (request) => {
        if (!isExtended(request)) return undefined;
        if (messages.extended.decode(request.message).request !== knows) return status(request.id, 8);
        const data = new WireWriter();
        if (withName) data.string('check-file');
        return messages.extendedReply.encode({ id: request.id, data: data.string('sha256').fixed(digest).finish() });
      },
      { extensions: [['check-file', Buffer.from('md5,sha256')]] },
    );
    const file = await client.open('f');
    assert.deepEqual(await file.digest(['sha256', 'md5'], { length: 9 }), { algorithm: 'sha256', digest });
    const { data } = server.requests(messages.extended).at(-1) ?? assert.fail();
    const expected = new WireWriter().string('h').string('sha256,md5').uint64(0n).uint64(9n).uint32(0).finish();
    assert.deepEqual(data, expected);
  }
  await rejects((await (await startClient()).client.open('f')).digest(['sha256']), 'unsupported');
});

test('fstatvfs, and statvfs in its place', async () => {
  for (const extension of ['fstatvfs@openssh.com', 'statvfs@openssh.com']) {
    const { client, server } = await startClient(
      (request) =>
        isExtended(request) ? messages.extendedReply.encode({ id: request.id, data: Buffer.alloc(88, 1) }) : undefined,
      { extensions: [[extension, Buffer.from('2')]] },
    );
    assert.equal((await (await client.open('f')).statFileSystem()).blocks, 0x0101_0101_0101_0101n);
    const [{ request, data } = assert.fail()] = server.requests(messages.extended);
    assert.equal(request, extension);
    assert.deepEqual(data, new WireWriter().string(extension.startsWith('f') ? 'h' : 'f').finish());
  }
});

test('attributes of links: lsetstat, without it the plain one for all that is no link', async () => {
  const answer =
    (mode: number) =>
    ({ id, number }: Received) =>
      number === messages.lstat.number ? messages.attrs.encode({ id, attributes: { mode } }) : undefined;
  const modern = await startClient(answer(0o120777));
  await modern.client.setLinkStat('l', { mode: 0o600 });
  assert.equal(modern.server.requests(messages.extended)[0]?.request, 'lsetstat@openssh.com');
  const file = await startClient(answer(0o100644), { extensions: [] });
  await file.client.setLinkStat('f', { mode: 0o600 });
  assert.equal(file.server.requests(messages.setstat).length, 1);
  const link = await startClient(answer(0o120777), { extensions: [] });
  await rejects(link.client.setLinkStat('l', { mode: 0o600 }), 'unsupported');
  assert.equal(link.server.requests(messages.setstat).length, 0);
});
