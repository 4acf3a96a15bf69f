/** OpenSSH's words for failures, made of the library's errors; names made safe to print. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { SftpRefusal } from '@nacre/ssh/sftp';
import { nameInFolder } from './transfers/run.ts';
import { HeldVoice, printableName } from './voice.ts';
import { describeTransfer, localReason, reasonOf } from './words.ts';

const sftpError = (message: string, cause?: unknown) =>
  new SshError(message, { code: 'operation-failed', stage: 'sftp', cause });
const refusal = (operation: string, path: string | undefined, words: string) =>
  sftpError(
    'x',
    new SftpRefusal({ operation, path: path === undefined ? undefined : Buffer.from(path) }, 4, words, ''),
  );
const systemError = (syscall: string, code: string) =>
  sftpError('x', Object.assign(new Error(`${code}: x, ${syscall}`), { code, syscall, errno: -1 }));

test('what the server said', () => {
  assert.equal(reasonOf(refusal('stat', '/a', 'No such file or directory')), 'No such file or directory');
  assert.throws(() => reasonOf(new Error('a bug')), /a bug/);
});

test('why a transfer failed, whatever it is wrapped in', () => {
  const down = { isUpload: false, local: 'l' };
  const wrapped = (error: SshError) => sftpError('get "/r": …', error);
  const open = refusal('open', '/r', 'Permission denied');
  assert.equal(describeTransfer(wrapped(open), down), 'remote open "/r": Permission denied');
  assert.equal(describeTransfer(wrapped(open), { ...down, isUpload: true }), 'dest open "/r": Permission denied');
  assert.equal(describeTransfer(refusal('fsync', undefined, 'Failure'), down), 'remote fsync: Failure');
  assert.equal(describeTransfer(refusal('read', '/r', 'Failure'), down), 'read remote "/r" : Failure');
  assert.equal(describeTransfer(refusal('mkdir', '/r', 'Failure'), down), 'remote mkdir "/r": Failure');
  const full = systemError('writev', 'ENOSPC');
  assert.equal(describeTransfer(wrapped(full), down), 'write local "l": No space left on device');
  assert.equal(describeTransfer(systemError('mkdir', 'EACCES'), down), 'mkdir l: Permission denied');
  assert.equal(describeTransfer(systemError('fchmod', 'EPERM'), down).startsWith('local chmod "l": '), true);
  assert.equal(describeTransfer(sftpError('something else'), down), 'something else');
});

test('errors of the system', () => {
  assert.equal(localReason(Object.assign(new Error('x'), { code: 'EEXIST', errno: -17 })), 'File exists');
  assert.throws(() => localReason(new Error('a bug')), /a bug/);
});

test('names are shown escaped, control characters and broken UTF-8 alike', () => {
  assert.equal(printableName('a\x1b[2Jb\r\n\u009b\udcff\udc80é'), 'a\\033[2Jb\\015\\012\\302\\233\\377\\200é');
});

test('no source names a place outside of the folder that it goes to', () => {
  assert.deepEqual(['/a/b', '/a/b/', '..', '/a/..', '/', '.', '/a/.'].map(nameInFolder), [
    'b',
    'b',
    '.',
    '.',
    '.',
    '.',
    '.',
  ]);
});

test('what is held is told later, in order', () => {
  const held = new HeldVoice();
  held.say('1');
  held.complain('2');
  held.inform('3');
  held.sayAll(['4', '5']);
  const told: string[] = [];
  const tell = (line: string) => void told.push(line);
  const sayAll = (lines: readonly string[]) => lines.forEach(tell);
  const voice = { say: tell, sayAll, complain: tell, inform: tell };
  held.release(voice);
  held.release(voice);
  assert.deepEqual(told, ['1', '2', '3', '4', '5']);
});
