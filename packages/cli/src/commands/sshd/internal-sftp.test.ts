/** internal-sftp: its arguments, all of them, and what its process is given. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeInternal } from '../sftp-server/internal-arguments.ts';
import { internalSftpEnvironment, internalSftpProgram, readInternalSftp } from './internal-sftp.ts';

const account = { name: 'ada', uid: 1000, gid: 1000, home: '/home/ada', shell: '/usr/sbin/nologin', gecos: '' };

test('the word and what stands behind it, as OpenSSH reads it', () => {
  assert.deepEqual(readInternalSftp('internal-sftp'), []);
  assert.deepEqual(readInternalSftp('internal-sftp  -d  /a "b c"'), ['-d', '/a', '"b', 'c"']);
  assert.deepEqual(readInternalSftp('internal-sftp\t-R'), ['-R']);
  for (const command of ['internal-sftp2', '/internal-sftp', ' internal-sftp', 'sftp', ''])
    assert.equal(readInternalSftp(command), undefined, command);
});

test('no argument is dropped, however many there are', () => {
  const words = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? '-l' : 'QUIET'));
  const read = readInternalSftp(`internal-sftp ${words.join(' ')} -R`) ?? [];
  const [, tool, ...args] = internalSftpProgram(account, read)?.args ?? [];
  assert.equal(tool, 'sftp-server');
  assert.deepEqual(decodeInternal(args), { account, words: [...words, '-R'] });
  // Only sshd starts it so: words that somebody types are arguments.
  assert.equal(decodeInternal(['-R', 'internal-sftp']), undefined);
  assert.equal(decodeInternal([]), undefined);
});

test('nothing that a client may set reaches a process that still has our rights', () => {
  const environment = { HOME: '/home/ada', NODE_V8_COVERAGE: '/x', OPENSSL_CONF: '/x', LANG: 'C', TZ: ':/x' };
  const given = internalSftpEnvironment({ ...environment, SSH_CONNECTION: 'a 1 b 2' });
  assert.deepEqual({ ...given, TZ: 'ours' }, { HOME: '/home/ada', SSH_CONNECTION: 'a 1 b 2', TZ: 'ours' });
  assert.equal(given.TZ, process.env.TZ);
});
