/** OpenSSH's words for failures, made of the library's errors; names made safe to print. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { nameInFolder } from './transfers/run.ts';
import { HeldVoice, printableName } from './voice.ts';
import { describeTransfer, localReason, reasonOf } from './words.ts';

const sftpError = (message: string, cause?: unknown) =>
  new SshError(message, { code: 'operation-failed', stage: 'sftp', cause });

test('what the server said', () => {
  assert.equal(reasonOf(sftpError('stat "/a": b": c": No such file or directory')), 'No such file or directory');
  assert.equal(reasonOf(sftpError('fsync: Failure (disk full)')), 'Failure (disk full)');
  assert.throws(() => reasonOf(new Error('a bug')), /a bug/);
});

test('why a transfer failed, whatever it is wrapped in', () => {
  const remote = sftpError('open "/r": Permission denied');
  assert.equal(describeTransfer(sftpError('get "/r": …', remote), false), 'remote open "/r": Permission denied');
  assert.equal(describeTransfer(sftpError('put "l": …', remote), true), 'dest open "/r": Permission denied');
  const system = Object.assign(new Error('x'), { code: 'ENOSPC', errno: -28 });
  const local = sftpError('write local "l": no space left on the disk', system);
  assert.equal(describeTransfer(sftpError('get "/r": …', local), false), 'write local "l": No space left on device');
  const folder = sftpError('mkdir local "d": x', Object.assign(new Error('x'), { code: 'EACCES', errno: -13 }));
  assert.equal(describeTransfer(folder, false), 'mkdir d: Permission denied');
  assert.equal(describeTransfer(sftpError('something else'), false), 'something else');
});

test('errors of the system', () => {
  assert.equal(localReason(Object.assign(new Error(), { code: 'EEXIST', errno: -17 })), 'File exists');
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
  const told: string[] = [];
  const tell = (line: string) => void told.push(line);
  held.release({ say: tell, complain: tell, inform: tell });
  held.release({ say: tell, complain: tell, inform: tell });
  assert.deepEqual(told, ['1', '2', '3']);
});
