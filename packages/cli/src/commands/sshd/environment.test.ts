/** Tests of session environments: what a client may set, which part wins, and what a forced command can rely on. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fullPermissions } from '@nacre/ssh/trust';
import { readConfig } from './config/config.ts';
import { buildEnvironment, mayClientSet } from './environment.ts';

const home = mkdtempSync(join(tmpdir(), 'nacre-home-'));
process.on('exit', () => rmSync(home, { recursive: true, force: true }));

const self = userInfo();
const account = { name: 'ada', uid: self.uid, gid: self.gid, home, shell: '/bin/sh', gecos: '' };
const settingsOf = (...lines: string[]) => readConfig(lines, undefined).settings;
const build = (lines: string[], rest: Partial<Parameters<typeof buildEnvironment>[0]> = {}) =>
  buildEnvironment({
    account,
    settings: settingsOf(...lines),
    peer: { address: '192.0.2.1', port: 50022, localAddress: '192.0.2.2', localPort: 22, identification: '' },
    permissions: fullPermissions,
    accepted: new Map(),
    terminal: undefined,
    originalCommand: undefined,
    tunnels: [],
    ...rest,
  });

test('no configuration lets a client set what programs load or shells run', () => {
  const everything = settingsOf('AcceptEnv *');
  assert.ok(
    mayClientSet('LANG', everything) && mayClientSet('LC_ALL', everything) && mayClientSet('GIT_PROTOCOL', everything),
  );
  for (const name of [
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'BASH_ENV',
    'ENV',
    'IFS',
    'BASH_FUNC_x%%',
    'PATH',
    'HOME',
    'SHELL',
    'SSH_ORIGINAL_COMMAND',
    'NODE_OPTIONS',
    'PYTHONPATH',
    'PS4',
    'SHELLOPTS',
  ]) {
    assert.ok(!mayClientSet(name, everything), name);
    assert.ok(!mayClientSet(name, settingsOf(`AcceptEnv ${name.replace('%%', '*')}`)), name);
  }
  assert.ok(!mayClientSet('LANG', settingsOf()));
  assert.ok(!mayClientSet('LANGUAGE', settingsOf('AcceptEnv LANG LC_*')));
});

test('the connection, the terminal and the command that was asked for', () => {
  const environment = build([], { terminal: { term: 'xterm', path: '/dev/pts/7' }, originalCommand: 'rm x' });
  assert.equal(environment.SSH_CLIENT, '192.0.2.1 50022 22');
  assert.equal(environment.SSH_CONNECTION, '192.0.2.1 50022 192.0.2.2 22');
  assert.deepEqual(
    [environment.SSH_TTY, environment.TERM, environment.SSH_ORIGINAL_COMMAND],
    ['/dev/pts/7', 'xterm', 'rm x'],
  );
  assert.deepEqual(
    [environment.USER, environment.LOGNAME, environment.HOME, environment.SHELL],
    ['ada', 'ada', home, '/bin/sh'],
  );
  const plain = build([]);
  assert.ok(!('SSH_TTY' in plain) && !('TERM' in plain) && !('SSH_ORIGINAL_COMMAND' in plain));
});

test('the administrator wins over the user, the user over the client', () => {
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  writeFileSync(join(home, '.ssh', 'environment'), 'A=user\nB=user\nLD_PRELOAD=/x.so\n', { mode: 0o600 });
  const accepted = new Map([
    ['A', 'client'],
    ['B', 'client'],
    ['C', 'client'],
  ]);
  const permissions = {
    ...fullPermissions,
    environment: new Map([
      ['D', 'key'],
      ['BASH_ENV', '/x'],
    ]),
  };
  // The folder above the home belongs to everybody.
  const lines = ['StrictModes no', 'SetEnv A=admin'];
  const permitted = build([...lines, 'PermitUserEnvironment yes'], { accepted, permissions });
  assert.deepEqual(
    ['A', 'B', 'C', 'D'].map((name) => permitted[name]),
    ['admin', 'user', 'client', 'key'],
  );
  assert.ok(!('LD_PRELOAD' in permitted) && !('BASH_ENV' in permitted));
  const some = build([...lines, 'PermitUserEnvironment D'], { accepted, permissions });
  assert.deepEqual(
    ['A', 'B', 'C', 'D'].map((name) => some[name]),
    ['admin', 'client', 'client', 'key'],
  );
  const none = build(lines, { accepted, permissions });
  assert.deepEqual(
    ['A', 'B', 'C', 'D'].map((name) => none[name]),
    ['admin', 'client', 'client', undefined],
  );
});
