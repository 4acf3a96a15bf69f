/** Which variables a client may set. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from './config/config.ts';
import { mayClientSet } from './environment.ts';

test('no configuration lets a client set what loads code or steers a shell', () => {
  const { settings } = readConfig(['AcceptEnv=* LD_PRELOAD BASH_ENV PATH'], undefined);
  for (const name of ['LANG', 'LC_ALL', 'EDITOR', 'ld_preload']) assert.equal(mayClientSet(name, settings), true, name);
  const refused = [
    'LD_PRELOAD',
    'LD_AUDIT',
    'DYLD_INSERT_LIBRARIES',
    'BASH_ENV',
    'ENV',
    'IFS',
    'PATH',
    'HOME',
    'SHELL',
  ];
  refused.push('SHELLOPTS', 'PS4', 'PROMPT_COMMAND', 'BASH_FUNC_ls%%', 'NODE_OPTIONS', 'PYTHONPATH', 'PERL5OPT');
  refused.push('GLIBC_TUNABLES', 'SSH_ORIGINAL_COMMAND', 'SSH_CONNECTION', 'ZDOTDIR', 'TERMINFO');
  for (const name of refused) assert.equal(mayClientSet(name, settings), false, name);
});

test('a client sets what AcceptEnv names, and by default nothing', () => {
  const named = readConfig(['AcceptEnv=LC_*'], undefined).settings;
  assert.equal(mayClientSet('LC_ALL', named), true);
  assert.equal(mayClientSet('LANG', named), false);
  assert.equal(mayClientSet('LANG', readConfig([], undefined).settings), false);
});
