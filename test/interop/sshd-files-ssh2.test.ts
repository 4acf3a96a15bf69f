/** bin/sshd and the sftp client of ssh2, the npm package. */
import assert from 'node:assert/strict';
import type { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ssh2 from 'ssh2';
import { makeFolder } from '../harness/index.ts';
import { assertSame, bigFile, describeTree, makeTree, skip, startFileServer } from './_sshd-files.ts';

/** The calls that are used here; the package comes without types. */
type Sftp = EventEmitter & Record<string, (...args: unknown[]) => void>;

test('ssh2', { skip }, async () => {
  const server = await startFileServer();
  const client = new ssh2.Client();
  await new Promise<void>((resolve, reject) => {
    client.on('ready', resolve);
    client.on('error', reject);
    const { host, port, user, identity } = server;
    client.connect({ host, port, username: user, privateKey: readFileSync(identity.file) });
  });
  const sftp = await new Promise<Sftp>((resolve, reject) => {
    client.sftp((error, session) => (error === undefined ? resolve(session as Sftp) : reject(error)));
  });
  const call = <T = unknown>(name: string, ...args: unknown[]): Promise<T> =>
    new Promise((resolve, reject) => {
      sftp[name]?.(...args, (error: Error | null | undefined, value: T) => (error ? reject(error) : resolve(value)));
    });
  const there = (name: string) => join(server.at, name);
  const back = makeFolder('back');

  await call('fastPut', bigFile(), there('big'));
  await call('fastGet', there('big'), join(back, 'big'));
  assertSame(bigFile(), there('big'));
  assertSame(bigFile(), join(back, 'big'));

  // It waits forty milliseconds for each reply (Nagle's algorithm): a smaller tree will do.
  const tree = makeTree({ files: 40 });
  const walk = async (name: string): Promise<void> => {
    const from = join(tree, name);
    if (!statSync(from).isDirectory()) {
      await call('fastPut', from, there(`tree/${name}`));
      await call('fastGet', there(`tree/${name}`), join(back, 'tree', name));
      return;
    }
    await call('mkdir', there(`tree/${name}`));
    mkdirSync(join(back, 'tree', name));
    for (const inside of readdirSync(from)) await walk(join(name, inside));
    const listed = await call<{ filename: string }[]>('readdir', there(`tree/${name}`));
    assert.deepEqual(listed.map(({ filename }) => filename).sort(), readdirSync(from).sort());
  };
  await walk('');
  assert.deepEqual(describeTree(there('tree')), describeTree(tree));
  assert.deepEqual(describeTree(join(back, 'tree')), describeTree(tree));

  writeFileSync(there('one'), 'one');
  await call('appendFile', there('one'), '+more');
  await call('rename', there('one'), there('two'));
  await call('chmod', there('two'), 0o604);
  await call('utimes', there('two'), 1000, 2000);
  // It swaps the arguments for servers that are called OpenSSH, and for no others.
  await call('symlink', there('soft'), 'two');
  await call('ext_openssh_hardlink', there('two'), there('hard'));
  assert.equal(await call('readlink', there('soft')), 'two');
  const { size, mode, mtime } = await call<{ size: number; mode: number; mtime: number }>('stat', there('soft'));
  assert.deepEqual([size, mode & 0o777, mtime], [8, 0o604, 2000]);
  const status = await call<{ f_namemax: number }>('ext_openssh_statvfs', server.at);
  assert.equal(status.f_namemax, 255);
  await assert.rejects(call('stat', there('none')), /No such file/);
  await call('unlink', there('hard'));
  assert.equal(existsSync(there('hard')), false);
  client.end();
});
