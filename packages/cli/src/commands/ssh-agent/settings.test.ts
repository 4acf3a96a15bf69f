/** ssh-agent's flags as settings, and the lines for shells. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFlags } from '../../flags/flags.ts';
import { table } from './flags.ts';
import { readSettings } from './settings.ts';
import { chooseShell } from './shell-lines.ts';

const settings = (...args: string[]) => readSettings(parseFlags(table, args).flags);

test('settings: a lifetime of 0 is none, and options are known or refused', () => {
  assert.deepEqual(settings(), { fingerprintHash: 'sha256', lifetimeSeconds: undefined });
  assert.deepEqual(settings('-t', '0', '-E', 'MD5'), { fingerprintHash: 'md5', lifetimeSeconds: undefined });
  assert.equal(settings('-t', '1h', '-P', '/x', '-O', 'no-restrict-websafe').lifetimeSeconds, 3600);
  settings('-O', 'allow-remote-pkcs11', '-O', 'websafe-allow=ssh:*,x');
  for (const args of [
    ['-O', 'websafe-allow'],
    ['-O', ''],
    ['-E', 'sha1'],
    ['-P', 'a', '-P', 'b'],
  ]) {
    assert.throws(() => settings(...args), { name: 'Ending', status: 255 });
  }
  assert.throws(() => settings('-t', 'x'), /^SshError: Invalid lifetime\nusage: ssh-agent /);
});

test('the shell is the one that is asked for, or the one that SHELL ends in', () => {
  const isC = (csh: boolean, sh: boolean, shell?: string) =>
    chooseShell({ csh, sh }, shell).unset('X').startsWith('unsetenv');
  assert.deepEqual(
    [isC(true, false, '/bin/sh'), isC(false, true, '/bin/csh'), isC(false, false, '/bin/tcsh'), isC(false, false)],
    [true, false, true, false],
  );
});
