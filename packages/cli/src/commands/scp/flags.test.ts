/** scp's command line: what is handed on to ssh, which of two flags counts, limits, bytes that are no text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { toPathBytes } from '@nacre/ssh/sftp';
import { FatalError } from '../ssh/end.ts';
import { decodeArguments } from './arguments.ts';
import { readCommandLine } from './flags.ts';

test('ssh gets OpenSSH’s flags, the person’s own in their order, and no agent unless asked for', () => {
  const { sshFlags, ownFlags } = readCommandLine(['-qCA46', '-oA=b', '-c', 'x', '-B', '-J', 'j', '-F', 'f', 'a', 'b']);
  const own = ['-q', '-C', '-A', '-4', '-6', '-o', 'A=b', '-c', 'x', '-oBatchmode=yes', '-J', 'j', '-F', 'f'];
  assert.deepEqual(ownFlags, own);
  assert.deepEqual(sshFlags, [
    ...['-x', '-oPermitLocalCommand=no', '-oClearAllForwardings=yes', '-oRemoteCommand=none', '-oRequestTTY=no'],
    '-oControlMaster=no',
    ...own,
    '-oForwardAgent=no',
  ]);
});

test('the last of two that exclude each other counts', () => {
  const read = (...args: string[]) => readCommandLine([...args, 'a', 'b']);
  assert.deepEqual([read('-O').isOld, read('-Os').isOld, read('-sO').isOld, read().isOld], [true, false, true, false]);
  assert.deepEqual([read('-R').fromOrigin, read('-R3').fromOrigin, read('-3R').fromOrigin], [true, false, true]);
});

test('limits', () => {
  const read = (...args: string[]) => readCommandLine([...args, 'a', 'b']);
  assert.equal(read('-l', '8').bytesPerSecond, 1024);
  assert.deepEqual(read('-X', 'buffer=32k', '-X', 'nrequests=7').limits, { bufferBytes: 32_768, requests: 7 });
  assert.equal(read('-X', 'buffer=0.5K').limits.bufferBytes, 512);
  for (const bad of ['buffer=', 'buffer=257K', 'buffer=-1', 'buffer=x', 'nrequests=', 'nrequests=262145', 'x=1']) {
    assert.throws(() => read('-X', bad), FatalError, bad);
  }
  for (const bad of ['0', '-5', 'x', '104857601', '']) assert.throws(() => read('-l', bad), SshError, bad);
});

test('who we are: somebody’s other end, or the one that copies, who needs two operands', () => {
  assert.equal(readCommandLine(['-t', 'x']).role, 'sink');
  assert.equal(readCommandLine(['-r', '-f', 'x', 'y', 'z']).role, 'source');
  assert.equal(readCommandLine(['-f']).targetIsFolder, false);
  assert.equal(readCommandLine(['a', 'b', 'c']).targetIsFolder, true);
  assert.throws(() => readCommandLine(['a']), /^SshError: usage: scp /);
});

test('bytes of the command line that are no UTF-8 lead back to the file', async () => {
  const line = Buffer.from('node\0main.js\0scp\0a\xff\xfeb\0h:\xe9\0', 'latin1');
  const args = await decodeArguments(line, 2);
  assert.deepEqual(
    args.map((arg) => toPathBytes(arg).toString('latin1')),
    ['a\xff\xfeb', 'h:\xe9'],
  );
});
