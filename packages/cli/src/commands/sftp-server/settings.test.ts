/** The arguments of sftp-server: what they mean, and what OpenSSH's says of wrong ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ending } from '../ssh-keygen/ending.ts';
import { addressOf } from './session.ts';
import { readSettings } from './settings.ts';

const user = {
  ...{ name: 'ada', uid: 1000, home: '/home/ada' },
  homeOf: (name: string) => (name === 'root' ? '/root' : undefined),
};
const read = (...args: string[]) => readSettings(args, user);
const ends = (args: string[], status: number, text: string | RegExp) =>
  assert.throws(
    () => read(...args),
    (error) => {
      assert.ok(error instanceof Ending);
      assert.equal(error.status, status, args.join(' '));
      if (typeof text === 'string') assert.equal(error.message, text);
      else assert.match(error.message, text);
      return true;
    },
  );

test('what is given, and what is not', () => {
  const none = { startDirectory: undefined, deny: undefined, allow: undefined, umask: undefined, query: undefined };
  const plain = { ...none, readOnly: false, facility: 'AUTH', level: 'error', stderr: false };
  assert.deepEqual(read(), plain);
  assert.deepEqual(read('-Re', '-l', 'Debug', '-f', 'local7', '-u', '022', '-Pread,write', '-p', 'open', 'operand'), {
    ...{ ...plain, readOnly: true, stderr: true, level: 'debug1', facility: 'local7', umask: 0o22 },
    ...{ deny: ['read', 'write'], allow: ['open'] },
  });
  assert.equal(read('-Q', 'Requests').query, 'requests');
  // A login shell is called with -c; nothing behind it is for us.
  assert.equal(read('-R', '-c', '-Z', '-u', '999').readOnly, true);
});

test('%d, %u, %U and ~ in the start directory', () => {
  assert.equal(read('-d', '%d/up/%u-%U%%').startDirectory, '/home/ada/up/ada-1000%');
  assert.equal(read('-d', '~/x').startDirectory, '/home/ada/x');
  assert.equal(read('-d', '~root').startDirectory, '/root');
  ends(['-d', '%x'], 255, 'percent_expand: unknown key %x');
  ends(['-d', '~nobody'], 255, 'tilde_expand_filename: No such user nobody');
});

test('wrong arguments end with OpenSSH’s exit codes', () => {
  const usage =
    /^usage: sftp-server \[-ehR\] \[-d start_directory\].*\n\t\[-P denied_requests\].*\n +sftp-server -Q protocol_feature$/;
  for (const args of [['-h'], ['-Z'], ['-d'], ['--help']]) ends(args, 1, usage);
  ends(['-Q', 'extensions'], 1, 'Invalid query type');
  ends(['-l', 'loud'], 1, 'Unrecognized internal syslog level code -1');
  ends(['-f', 'mail'], 1, 'Unrecognized internal syslog facility code -1');
  for (const mask of ['999', '22x', '', '-1', '1777', '0x12']) ends(['-u', mask], 255, `Invalid umask "${mask}"`);
  ends(['-p', 'a', '-p', 'b'], 255, 'Permitted requests already set');
  ends(['-P', 'a', '-P', 'b'], 255, 'Refused requests already set');
  // The last one counts.
  assert.equal(read('-l', 'loud', '-l', 'info').level, 'info');
});

test('where the client is', () => {
  assert.equal(addressOf(undefined), 'UNKNOWN');
  assert.equal(addressOf('192.0.2.1 5 192.0.2.2 22'), '192.0.2.1');
  assert.equal(addressOf('192.0.2.1'), undefined);
});
