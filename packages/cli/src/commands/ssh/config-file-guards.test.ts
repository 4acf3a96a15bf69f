/** What ssh does with configuration files that are no good: pipes, devices, circles, files of others. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfigFile } from './config-file.ts';
import { FatalError } from './end.ts';
import type { Draft } from './keywords/settings.ts';
import { Log } from './log.ts';

const onPosix = { skip: process.platform === 'win32' && 'pipes, devices and modes are those of POSIX' };
const folder = mkdtempSync(join(tmpdir(), 'nacre-config-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const context = { originalHost: 'host', localUser: 'me', home: folder, log: new Log('QUIET') };

function read(path: string, options: { checkOwner?: boolean; isNamed?: boolean } = {}): Draft {
  const draft: Draft = {};
  readConfigFile(path, draft, context, { isUsers: true, ...options });
  return draft;
}

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
}

test('a FIFO is passed over, a device without an end is too large', onPosix, () => {
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const including = write('including', `Include ${fifo} /dev/zero\nPort 23\n`);
  assert.equal(read(fifo).port, undefined);
  assert.equal(read(including).port, 23);
  assert.equal(read(including, { isNamed: true }).port, 23);
  assert.deepEqual(read('/dev/null', { isNamed: true }), {});
  assert.throws(() => read('/dev/zero', { isNamed: true }), FatalError);
});

test('a file that includes itself is refused', () => {
  const path = join(folder, 'circle');
  assert.throws(() => read(write('circle', `Include ${path}\nPort 23\n`)), FatalError);
});

test('a file that others may write is refused', onPosix, () => {
  const path = write('shared', 'Port 23\n');
  assert.equal(read(path, { checkOwner: true }).port, 23);
  chmodSync(path, 0o622);
  assert.throws(() => read(path, { checkOwner: true }), /Bad owner or permissions/);
});
