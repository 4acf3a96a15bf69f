import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConnectionInfo } from './connection-info.ts';

test('the text of a master becomes fields', () => {
  const text = [
    'Connection information for web.example.com pid 42',
    '  tcp 192.0.2.1:22',
    '  duration 1h2m3s',
    '  cipher aes128-gcm@openssh.com',
    '  traffic 1024 bytes in, 77 bytes out',
    '',
  ].join('\r\n');
  assert.deepEqual(readConnectionInfo(text), {
    host: 'web.example.com',
    pid: 42,
    tcp: '192.0.2.1:22',
    duration: '1h2m3s',
    cipher: 'aes128-gcm@openssh.com',
    traffic: { receivedBytes: 1024, sentBytes: 77 },
  });
});

test('lines that say something else harm nothing', () => {
  assert.deepEqual(readConnectionInfo(''), {});
  assert.deepEqual(readConnectionInfo('Connection information for a pid 1\n  pid 2\n  alone\n  traffic much\nx y'), {
    host: 'a',
    pid: 1,
    traffic: 'much',
  });
  const odd = readConnectionInfo('\n  __proto__ x');
  assert.equal(JSON.stringify(odd), '{"__proto__":"x"}');
});
