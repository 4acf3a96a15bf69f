import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ForwardKind, formatForward, parseForward } from './forwards.ts';

test('forwards as OpenSSH takes them', () => {
  const good: readonly (readonly [text: string, kind: ForwardKind, shown: string])[] = [
    ['8080:localhost:80', 'local', '8080 [localhost]:80'],
    ['127.0.0.1:8080:localhost:80', 'local', '[127.0.0.1]:8080 [localhost]:80'],
    [':8080:localhost:80', 'local', '[]:8080 [localhost]:80'],
    ['*:8080:[::1]:80', 'local', '[*]:8080 [::1]:80'],
    ['[::1]:8080:[fe80::1]:80', 'local', '[::1]:8080 [fe80::1]:80'],
    ['/tmp/in:/tmp/out', 'local', '/tmp/in /tmp/out'],
    ['8080:/tmp/out', 'local', '8080 /tmp/out'],
    ['localhost:8080:/tmp/out', 'local', '[localhost]:8080 /tmp/out'],
    ['/tmp/in:localhost:80', 'remote', '/tmp/in [localhost]:80'],
    ['0:localhost:80', 'remote', '0 [localhost]:80'],
    ['1080', 'dynamic', '1080'],
    ['[::1]:1080', 'dynamic', '[::1]:1080'],
    ['9000', 'remote', '9000'],
    ['/tmp/a\\:b:localhost:80', 'local', '/tmp/a:b [localhost]:80'],
  ];
  for (const [text, kind, shown] of good) {
    const forward = parseForward(text, kind);
    assert.ok(forward, text);
    assert.equal(formatForward(forward), shown, text);
  }
});

test('what is no forward', () => {
  const bad: readonly (readonly [text: string, kind: ForwardKind])[] = [
    ['', 'local'],
    ['8080', 'local'],
    ['host:8080', 'local'],
    ['0:localhost:80', 'local'],
    ['8080:localhost:0', 'local'],
    ['8080:localhost:70000', 'local'],
    ['8080:localhost:80:', 'local'],
    ['8080:localhost:80:1:2', 'local'],
    ['a:b:c:/d', 'local'],
    ['[::1:8080:a:1', 'local'],
    ['[::1]x:8080:a:1', 'local'],
    ['0', 'dynamic'],
    ['8080:localhost:80', 'dynamic'],
    ['8080:\\', 'local'],
    [`8080:${'h'.repeat(2000)}:80`, 'local'],
  ];
  for (const [text, kind] of bad) assert.equal(parseForward(text, kind), undefined, `${text} as ${kind}`);
});
