/** The limit of open files that sessions get. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { findSessionLimit, openFilesVariable, readLimitOf, readOwnLimit, startUnderLimit } from './limits.ts';

const onLinux = { skip: process.platform !== 'linux' && 'the kernel tells no limits here' };

test('a program gets the limit that the server was started with, and the server keeps its own', onLinux, async () => {
  const before = process.env[openFilesVariable];
  const own = readOwnLimit();
  try {
    for (const limit of [300, 301]) {
      process.env[openFilesVariable] = String(limit);
      const child = startUnderLimit(() =>
        spawn('/bin/sh', ['-c', 'ulimit -Sn; ulimit -Hn'], { stdio: ['ignore', 'pipe', 'inherit'] }),
      );
      assert.ok(child.stdout);
      assert.equal(await text(child.stdout), `${limit}\n${own.hard}\n`);
      assert.deepEqual(readOwnLimit(), own);
    }
    // So few that our own files leave no room: the program is started all the same, and waits here until the limit is set.
    process.env[openFilesVariable] = '4';
    const child = startUnderLimit(() =>
      spawn('/bin/sh', ['-c', 'read line; ulimit -Sn'], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    child.stdin?.end('\n');
    assert.ok(child.stdout);
    assert.equal(await text(child.stdout), '4\n');
    assert.deepEqual(readOwnLimit(), own);
  } finally {
    if (before === undefined) delete process.env[openFilesVariable];
    else process.env[openFilesVariable] = before;
  }
});

test('what a process may open is read from the kernel', onLinux, () => {
  assert.deepEqual(readLimitOf(process.pid), readOwnLimit());
  assert.equal(readLimitOf(2 ** 22 + 1), undefined);
  const before = process.env[openFilesVariable];
  try {
    process.env[openFilesVariable] = 'many';
    assert.equal(findSessionLimit(), readLimitOf(process.ppid)?.soft);
  } finally {
    if (before === undefined) delete process.env[openFilesVariable];
    else process.env[openFilesVariable] = before;
  }
});
