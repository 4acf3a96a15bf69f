/** What sshd does with settings files that are no good: pipes, devices, folders, circles. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { readConfig } from './config.ts';
import { readRegularFile } from './read-file.ts';

const onPosix = { skip: process.platform === 'win32' && 'pipes and devices are those of POSIX' };
const folder = mkdtempSync(join(tmpdir(), 'nacre-sshd-'));
process.on('exit', () => rmSync(folder, { recursive: true }));

test('a FIFO, a folder and a device are refused at once', onPosix, () => {
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  for (const path of [fifo, folder, '/dev/zero']) {
    assert.throws(() => readRegularFile(path), /is not a regular file/, path);
    assert.throws(() => readConfig([], path), SshError, path);
  }
  const file = join(folder, 'file');
  writeFileSync(file, 'Port 2222\n');
  assert.throws(() => readRegularFile(file, 3), /at most 3 are read/);
  assert.equal(readRegularFile(file).toString(), 'Port 2222\n');
});

test('a file that includes itself is refused', () => {
  const path = join(folder, 'circle');
  writeFileSync(path, `Include ${path}\n`);
  assert.throws(() => readConfig([], path), { code: 'bad-file', message: /Too many recursive configuration includes/ });
});
