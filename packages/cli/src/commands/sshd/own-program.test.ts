import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forcedOff } from './own-program.ts';

test('helpers get the fast paths that are forced off, and nothing else of the environment', () => {
  const environment = {
    NACRE_CRYPTO: 'fallback',
    NACRE_ONREAD: 'off',
    NACRE_RELEASE: 'on',
    NACRE_SSHD_FOLDER: '/tmp',
    LD_PRELOAD: 'off',
    PATH: '/tmp',
  };
  assert.deepEqual(forcedOff(environment), { NACRE_CRYPTO: 'fallback', NACRE_ONREAD: 'off' });
});
