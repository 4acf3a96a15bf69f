/** Sessions that may not do everything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryFileSystem } from '../../server/file-systems/memory.ts';
import { WireWriter } from '../../wire/index.ts';
import * as messages from '../messages.ts';
import { statusCodes } from '../status.ts';
import { dataOf, statusCode, TestClient } from './server.test.kit.ts';

const { read: R, write: W, create: C, truncate: T } = messages.openFlags;
const path = (text: string) => ({ path: Buffer.from(text) });
const noAttributes = { attributes: {} };

function start(files: Record<string, string> = {}, options = {}): TestClient {
  const client = new TestClient(memoryFileSystem({ files }), options);
  client.greet();
  return client;
}

test('read-only: nothing changes, and what would is not offered', async () => {
  const client = start({ '/f': 'x' }, { readOnly: true });
  const two = { oldPath: Buffer.from('/f'), newPath: Buffer.from('/g') };
  const open = (flags: number) => client.status(messages.open, { ...path('/f'), flags, attributes: {} });
  for (const status of [
    await open(W),
    await open(R | C),
    await open(R | T),
    await client.status(messages.setstat, { ...path('/f'), attributes: { size: 0 } }),
    await client.status(messages.remove, path('/f')),
    await client.status(messages.mkdir, { ...path('/d'), ...noAttributes }),
    await client.status(messages.rmdir, path('/')),
    await client.status(messages.rename, two),
    await client.status(messages.symlink, { target: Buffer.from('a'), linkPath: Buffer.from('/l') }),
    statusCode(await client.extended('posix-rename@openssh.com', new WireWriter().string('/f').string('/g').finish())),
    statusCode(await client.extended('hardlink@openssh.com', new WireWriter().string('/f').string('/g').finish())),
    statusCode(await client.extended('copy-data', Buffer.alloc(0))),
  ]) {
    assert.equal(status, statusCodes.permissionDenied);
  }
  const handle = await client.open('/f', R);
  assert.equal(dataOf(await client.ask(messages.read, { handle, offset: 0n, length: 5 })), 'x');
  const offered = messages.version.decode(client.replies[0]?.message as Buffer).extensions.map(([name]) => name);
  assert.deepEqual(offered, [
    'statvfs@openssh.com',
    'fstatvfs@openssh.com',
    'limits@openssh.com',
    'expand-path@openssh.com',
    'home-directory',
    'users-groups-by-id@openssh.com',
  ]);
});

test('allow and deny lists', async () => {
  const denied = start({ '/f': 'x' }, { deny: ['stat', 'limits'] });
  assert.equal(await denied.status(messages.stat, path('/f')), statusCodes.permissionDenied);
  assert.equal(statusCode(await denied.extended('limits@openssh.com', Buffer.alloc(0))), statusCodes.permissionDenied);
  assert.equal((await denied.ask(messages.lstat, path('/f'))).number, messages.attrs.number);
  const allowed = start({ '/f': 'x' }, { allow: ['lstat', 'remove'], deny: ['remove'] });
  assert.equal(await allowed.status(messages.stat, path('/f')), statusCodes.permissionDenied);
  assert.equal(await allowed.status(messages.remove, path('/f')), statusCodes.permissionDenied);
  assert.equal((await allowed.ask(messages.lstat, path('/f'))).number, messages.attrs.number);
  assert.deepEqual(messages.version.decode(allowed.replies[0]?.message as Buffer).extensions, []);
});
