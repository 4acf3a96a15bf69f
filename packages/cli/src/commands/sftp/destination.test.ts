/** Destinations: hosts, users, paths, addresses in brackets, sftp:// and what is none of these. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDestination } from './destination.ts';

test('[user@]host[:path]', () => {
  const cases: Record<string, object> = {
    host: { host: 'host' },
    'ada@host': { user: 'ada', host: 'host' },
    'ada@corp@host:p': { user: 'ada@corp', host: 'host', path: 'p' },
    'host:': { host: 'host' },
    'host:a:b': { host: 'host', path: 'a:b' },
    'host:/a b': { host: 'host', path: '/a b' },
    '[::1]': { host: '::1' },
    '[::1]:x': { host: '::1', path: 'x' },
    'ada@[fe80::1%eth0]:/x': { user: 'ada', host: 'fe80::1%eth0', path: '/x' },
    '::1': { host: '::1' },
    'dir/x:y': { host: 'dir/x:y' },
    '@host:p': { host: 'host', path: 'p' },
    'ada@:p': { user: 'ada', host: '', path: 'p' },
    '': { host: '' },
  };
  for (const [text, expected] of Object.entries(cases)) assert.deepEqual(parseDestination(text), expected, text);
});

test('sftp:// addresses', () => {
  const cases: Record<string, object | undefined> = {
    'sftp://host': { host: 'host' },
    'SFTP://host/': { host: 'host' },
    'sftp://a%40b@host:22/x%20y': { user: 'a@b', host: 'host', port: 22, path: 'x y' },
    'sftp://ada;fingerprint=f@[::1]:2/p': { user: 'ada', host: '::1', port: 2, path: 'p' },
    'sftp://host//abs': { host: 'host', path: '/abs' },
    'sftp://': undefined,
    'sftp:///p': undefined,
    'sftp://@host/': undefined,
    'sftp://host:0/': undefined,
    'sftp://host:65536/': undefined,
    'sftp://host:/': undefined,
    'sftp://host/%zz': undefined,
  };
  for (const [text, expected] of Object.entries(cases)) assert.deepEqual(parseDestination(text), expected, text);
});
