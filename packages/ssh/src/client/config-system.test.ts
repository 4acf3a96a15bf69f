/** Configuration files that are no good: pipes, devices, files of others; and what the system tells. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveClientConfig } from '../config/index.ts';
import { SshError } from '../errors.ts';
import { nodeConfigSystem } from './config-system.ts';

const onPosix = { skip: process.platform === 'win32' && 'pipes, devices and modes are those of POSIX' };
const folder = mkdtempSync(join(tmpdir(), 'nacre-config-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const system = nodeConfigSystem({ home: folder });
const plain = { checkOwner: false, named: false };

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
}

const isBad = (pattern: RegExp) => (error: unknown) =>
  error instanceof SshError && error.code === 'bad-file' && pattern.test(error.message);

test('a FIFO or a device is told of and not waited for; a device without an end is too large', onPosix, async () => {
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  assert.throws(() => system.readFile(fifo, plain), isBad(/fifo cannot be read: it is not a regular file/));
  assert.throws(() => system.readFile('/dev/zero', plain), isBad(/\/dev\/zero cannot be read/));
  assert.equal(system.readFile('/dev/null', plain), undefined);
  assert.equal(system.readFile(folder, { ...plain, named: true }), undefined);
  assert.equal(system.readFile('/dev/null', { ...plain, named: true }), '');
  const tooLarge = (error: unknown) => error instanceof SshError && error.code === 'limit-exceeded';
  assert.throws(() => system.readFile('/dev/zero', { ...plain, named: true }), tooLarge);
  const configFile = write('including', `Include ${fifo}\nPort 23\n`);
  await assert.rejects(resolveClientConfig({ host: 'h', configFile }, system), isBad(/fifo cannot be read/));
  const harmless = write('harmless', `Include ${folder} /dev/null /nonexistent\nPort 23\n`);
  assert.equal((await resolveClientConfig({ host: 'h', configFile: harmless }, system)).settings.port, 23);
});

test('a file that others may write is not included, whoever includes it', onPosix, async () => {
  const shared = write('writable', 'Port 23\n');
  const configFile = write('trusting', `Include ${shared}\n`);
  assert.equal((await resolveClientConfig({ host: 'h', configFile }, system)).settings.port, 23);
  chmodSync(shared, 0o666);
  await assert.rejects(resolveClientConfig({ host: 'h', configFile }, system), isBad(/^Bad owner or permissions on/));
});

test('a file that others may write is refused', onPosix, () => {
  const path = write('shared', 'Port 23\n');
  assert.equal(system.readFile(path, { ...plain, checkOwner: true }), 'Port 23\n');
  chmodSync(path, 0o622);
  assert.throws(() => system.readFile(path, { ...plain, checkOwner: true }), /Bad owner or permissions on/);
  assert.equal(system.readFile(path, plain), 'Port 23\n');
  assert.equal(system.readFile(join(folder, 'none'), plain), undefined);
});

test('commands end with their status', onPosix, async () => {
  assert.equal(await system.runCommand('exit 3'), 3);
  assert.equal(await system.runCommand('true'), 0);
  assert.ok(system.localAddresses().includes('127.0.0.1'));
});
