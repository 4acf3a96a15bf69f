import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { isForcedOff } from './fast-paths.ts';

test('a fast path is forced off by its own variable, and by "off" or "fallback" alone', () => {
  assert.equal(isForcedOff('NACRE_CRYPTO', {}), false);
  assert.equal(isForcedOff('NACRE_CRYPTO', { NACRE_ONREAD: 'off', NACRE_CRYPTO: 'on' }), false);
  for (const value of ['off', 'fallback']) assert.equal(isForcedOff('NACRE_CRYPTO', { NACRE_CRYPTO: value }), true);
});

/** What a module says in a process of its own, where the variable is set before anything is loaded. */
function ask(variable: string, script: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, [variable]: 'fallback' },
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  return stdout.trim();
}

const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const moduleUrl = (path: string) => JSON.stringify(new URL(`${path}${ending}`, import.meta.url).href);

test('NACRE_CRYPTO=fallback leaves what every Node has', () => {
  const script = `
    import { chooseChaChaBackend } from ${moduleUrl('./crypto/ciphers/chacha-backends/table')};
    import { hasNativeArgon2 } from ${moduleUrl('./crypto/kdf/argon2')};
    import { nativeMlKem768 } from ${moduleUrl('./crypto/ml-kem')};
    console.log(chooseChaChaBackend().name, hasNativeArgon2(), nativeMlKem768());`;
  assert.equal(ask('NACRE_CRYPTO', script), 'noble false undefined');
});

test('NACRE_RELEASE=off leaves buffers to the collector', () => {
  const script = `
    import { releaseMemory } from ${moduleUrl('./io/release-memory')};
    const chunk = Buffer.allocUnsafeSlow(100_000);
    releaseMemory([chunk]);
    console.log(chunk.length);`;
  assert.equal(ask('NACRE_RELEASE', script), '100000');
});

test('NACRE_ONREAD=off reads by events', () => {
  const script = `
    import { Duplex } from 'node:stream';
    import { Socket } from 'node:net';
    import { takeAccepted } from ${moduleUrl('./io/accepted')};
    const accepted = new Socket();
    console.log(takeAccepted(accepted).stream === accepted);`;
  assert.equal(ask('NACRE_ONREAD', script), 'true');
});
