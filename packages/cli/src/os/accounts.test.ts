/** Accounts: lines of the password database, and names from the network that are none. */
import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import { findAccount, findGroups, parsePasswordLine } from './accounts.ts';
import { baseEnvironment, parseEnvironmentFile } from './environment.ts';

test('a line is seven fields; an empty shell is /bin/sh', () => {
  assert.deepEqual(parsePasswordLine('bob:x:1000:1001:Bob,,,:/home/bob:'), {
    name: 'bob',
    uid: 1000,
    gid: 1001,
    gecos: 'Bob,,,',
    home: '/home/bob',
    shell: '/bin/sh',
  });
  for (const line of ['', 'bob', 'bob:x:a:1::/:', ':x:0:0::/:', 'bob:x:-1:0::/:', '+::::::']) {
    assert.equal(parsePasswordLine(line), undefined, line);
  }
});

test('finds whoever runs this, by name and by number', () => {
  const me = userInfo();
  const account = findAccount(me.username);
  assert.equal(account?.uid, me.uid);
  assert.equal(account?.home, me.homedir);
  assert.equal(findAccount(me.uid)?.uid, me.uid);
  assert.deepEqual(findGroups(me.username, me.gid)[0], me.gid);
});

test('names that are numbers, options or lines find nobody', () => {
  for (const name of ['', '0', '-s', 'root\0x', 'root\nx', 'root:x', '../x', 'x'.repeat(300)]) {
    assert.equal(findAccount(name), undefined, JSON.stringify(name));
  }
  for (const uid of [-1, 1.5, Number.NaN, 2 ** 32]) assert.equal(findAccount(uid), undefined);
});

test('environment files are read as pam_env reads them', () => {
  const text = '# c\nA=1\n export B="two words"\nC=\'x\' # note\n1D=no\nE = no\nF=\nG="half\nA=2\n';
  assert.deepEqual(parseEnvironmentFile(text), { A: '2', B: 'two words', C: 'x', F: '', G: '"half' });
});

test('the base environment is that of a login', () => {
  const environment = baseEnvironment({
    name: 'bob',
    uid: 1000,
    gid: 1000,
    home: '/home/bob',
    shell: '/bin/zsh',
    gecos: '',
  });
  assert.equal(environment.USER, 'bob');
  assert.equal(environment.LOGNAME, 'bob');
  assert.equal(environment.HOME, '/home/bob');
  assert.equal(environment.SHELL, '/bin/zsh');
  assert.equal(environment.MAIL, '/var/mail/bob');
  assert.ok(environment.PATH?.includes('/usr/bin'));
});
