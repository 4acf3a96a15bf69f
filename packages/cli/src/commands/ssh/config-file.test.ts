import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { applyOption, readConfigFile } from './config-file.ts';
import { FatalError } from './end.ts';
import type { Draft } from './keywords/settings.ts';
import { Log } from './log.ts';

const home = mkdtempSync(join(tmpdir(), 'nacre-config-'));
mkdirSync(join(home, '.ssh', 'more.d'), { recursive: true });
process.on('exit', () => rmSync(home, { recursive: true, force: true }));

/** A log that says nothing here and remembers all. */
class Ears extends Log {
  readonly heard: string[] = [];
  constructor() {
    super('QUIET');
  }
  override error(text: string): void {
    this.heard.push(text);
  }
  override info(text: string): void {
    this.heard.push(text);
  }
  override debug(_level: 1 | 2 | 3, text: string): void {
    this.heard.push(text);
  }
}

const context = (originalHost: string, log = new Ears()) => ({ originalHost, localUser: 'me', home, log });

function read(text: string, originalHost = 'host', log = new Ears(), options = {}): Draft {
  const draft: Draft = {};
  const file = join(home, '.ssh', 'config');
  writeFileSync(file, text, { mode: 0o600 });
  assert.equal(readConfigFile(file, draft, context(originalHost, log), { isUsers: true, ...options }), true);
  return draft;
}

test('the first value counts, lists add up', () => {
  const draft = read('Port 1\nPort 2\nIdentityFile a\nIdentityFile b\nIdentityFile a\nSendEnv X\nSendEnv Y Z\n');
  assert.deepEqual(draft, { port: 1, identityFiles: ['a', 'b'], sendEnv: ['X', 'Y', 'Z'] });
});

test('Host blocks: patterns, negation, and the block that a later one ends', () => {
  const text = 'Host a* !abc\nPort 1\nHost b? c\nPort 2\nHost *\nPort 3\n';
  const ports = ['a', 'abc', 'abd', 'b1', 'b', 'c', 'd'].map((host) => read(text, host).port);
  assert.deepEqual(ports, [1, 3, 1, 2, 3, 2, 3]);
});

test('Match: all, host, originalhost, user, localuser, negation; others skip the block and say so', () => {
  const text = [
    'Match originalhost typed user me',
    'HostName real',
    'Match host real',
    'User you',
    'Match user you localuser !root,*',
    'Port 7',
    'Match !host real',
    'Port 8',
    'Match all',
    'Compression yes',
  ].join('\n');
  assert.deepEqual(read(text, 'typed'), { hostName: 'real', user: 'you', port: 7, compression: true });
  assert.deepEqual(read(text, 'other'), { port: 8, compression: true });
  const ears = new Ears();
  assert.deepEqual(read('Match exec "touch /tmp/x"\nPort 1\nMatch all\nPort 2', 'x', ears), { port: 2 });
  assert.ok(ears.heard.some((line) => /line 1: Match exec is not supported yet, the block is skipped/.test(line)));
});

test('Include: wildcards, order, inside of blocks, and no end', () => {
  const folder = join(home, '.ssh', 'more.d');
  writeFileSync(join(folder, '2.conf'), 'Port 2\nUser two\n');
  writeFileSync(join(folder, '1.conf'), 'Host here\nPort 1\n');
  writeFileSync(join(folder, '.hidden.conf'), 'Port 9\n');
  assert.deepEqual(read('Include more.d/*.conf\nUser main', 'here'), { port: 1, user: 'two' });
  assert.deepEqual(read('Include more.d/*.conf ~/nothing\nUser main', 'there'), { port: 2, user: 'two' });
  assert.deepEqual(read('Host there\nInclude more.d/*\nHost *\nUser main', 'here'), { user: 'main' });
  assert.throws(() => read('Include config'), /terminating, 1 bad configuration options/);
});

test('mistakes: each is told with its line, the last words count them', () => {
  const ears = new Ears();
  const text =
    'Foo 1\nPort\nPort 0\nHost "a\nStrictHostKeyChecking maybe\nPort 1 2\nLogLevel LOUD\nEscapeChar ab\nMatch host\n';
  assert.throws(
    () => read(text, 'x', ears),
    (error: Error) => error instanceof FatalError && /terminating, 9 bad/.test(error.message),
  );
  const file = join(home, '.ssh', 'config');
  assert.deepEqual(ears.heard.slice(1), [
    `${file}: line 1: Bad configuration option: foo`,
    `${file} line 2: no argument after keyword "port"`,
    `${file} line 3: Bad port '0'.`,
    `${file} line 4: invalid quotes`,
    `${file} line 5: unsupported option "maybe".`,
    `${file} line 6: keyword port extra arguments at end of line`,
    `${file} line 7: unsupported log level 'LOUD'`,
    `${file} line 8: Bad escape character.`,
    `${file} line 9: Missing Match criteria for host`,
  ]);
});

test('IgnoreUnknown silences what it names, and nothing before it', () => {
  assert.deepEqual(read('IgnoreUnknown Use*,Foo\nUseKeychain yes\nfoo 1\nPort 3\n').port, 3);
  assert.throws(() => read('UseKeychain yes\nIgnoreUnknown Use*\n'), FatalError);
});

test('values in blocks that do not apply are checked all the same', () => {
  assert.throws(() => read('Host other\nPort x\n', 'this'), FatalError);
});

test('what would lead elsewhere is refused where it applies', () => {
  assert.throws(() => read('ProxyCommand nc %h %p\n'), /ProxyCommand is not supported yet/);
  assert.throws(() => read('ProxyJump a\n'), FatalError);
  assert.deepEqual(read('ProxyJump none\nHost other\nProxyJump a\n'), {});
});

test('a file of ours that others may write to is refused', { skip: process.platform === 'win32' }, () => {
  const file = join(home, '.ssh', 'config');
  writeFileSync(file, 'Port 1\n');
  chmodSync(file, 0o666);
  const attempt = () => readConfigFile(file, {}, context('x'), { isUsers: true, checkOwner: true });
  assert.throws(attempt, /Bad owner or permissions on/);
  chmodSync(file, 0o600);
  assert.equal(attempt(), true);
  assert.equal(readConfigFile(join(home, 'none'), {}, context('x'), { isUsers: true }), false);
});

test('-o reads one line', () => {
  const draft: Draft = {};
  applyOption('RekeyLimit=1M 1h', draft, context('x'));
  applyOption('ServerAliveInterval 1m30s', draft, context('x'));
  assert.deepEqual(draft, { rekeyLimit: { bytes: 1048576, ms: 3_600_000 }, serverAliveIntervalMs: 90_000 });
  assert.throws(() => applyOption('Foo=1', {}, context('x')), FatalError);
});
