import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { parseTarget } from './target.ts';

const isMisuse = (error: unknown) =>
  error instanceof SshError && error.code === 'misuse' && error.stage === 'usage' && error.side === 'local';

test('the forms of a target', () => {
  for (const [text, expected] of [
    ['example.com', { host: 'example.com' }],
    ['ada@example.com', { host: 'example.com', user: 'ada' }],
    ['example.com:2222', { host: 'example.com', port: 2222 }],
    ['ada@example.com:2222', { host: 'example.com', port: 2222, user: 'ada' }],
    ['ada@corp.example@host', { host: 'host', user: 'ada@corp.example' }],
    ['CORP\\ada@host', { host: 'host', user: 'CORP\\ada' }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
    ['::1', { host: '::1' }],
    ['fe80::1%eth0', { host: 'fe80::1%eth0' }],
    ['ada@2001:db8::1', { host: '2001:db8::1', user: 'ada' }],
    ['[::1]', { host: '::1' }],
    ['[::1]:65535', { host: '::1', port: 65535 }],
    ['ada@[2001:db8::1]:22', { host: '2001:db8::1', port: 22, user: 'ada' }],
    ['host_with_underscore', { host: 'host_with_underscore' }],
    ['bücher.example', { host: 'bücher.example' }],
    ['ssh://example.com', { host: 'example.com' }],
    ['ssh://example.com/', { host: 'example.com' }],
    ['ssh://ada@example.com:2222', { host: 'example.com', port: 2222, user: 'ada' }],
    ['ssh://ada@[::1]:2222/', { host: '::1', port: 2222, user: 'ada' }],
    ['ssh://ada%40corp@example.com', { host: 'example.com', user: 'ada@corp' }],
    ['ssh://ada;fingerprint=ssh-dss-c1@host', { host: 'host', user: 'ada' }],
  ] as const) {
    assert.deepEqual(parseTarget(text), expected, text);
  }
  assert.deepEqual(parseTarget({ host: 'h', port: 2, user: 'u' }), { host: 'h', port: 2, user: 'u' });
});

/** What a shell, a terminal or another program's option parser would act upon (CVE-2023-51385, CVE-2017-1000117 and kin). */
const hostileNames = [
  '-oProxyCommand=touch pwned',
  '-',
  '--',
  '-F/tmp/x',
  '`id`',
  '$(id)',
  '${IFS',
  '$HOME',
  'a;id',
  'a|id',
  'a&id',
  'a>b',
  'a<b',
  "a'b",
  'a"b',
  '(a)',
  '{a,b}',
  'a b',
  'a\tb',
  'a\nb',
  'a\r\nb',
  'a\0b',
  'a\x1b[2Jb',
  'a\x7fb',
  'a\u009bb',
  'a\u2028b',
  'a\u00a0b',
  ' ',
  '',
];

test('hostile host names are refused in every form', () => {
  for (const name of hostileNames) {
    assert.throws(() => parseTarget({ host: name }), isMisuse, `object ${JSON.stringify(name)}`);
    assert.throws(() => parseTarget(name), isMisuse, `text ${JSON.stringify(name)}`);
    assert.throws(() => parseTarget(`ada@${name}`), isMisuse, `with user ${JSON.stringify(name)}`);
    assert.throws(() => parseTarget(`${name}:22`), isMisuse, `with port ${JSON.stringify(name)}`);
    assert.throws(() => parseTarget(`[${name}]:22`), isMisuse, `in brackets ${JSON.stringify(name)}`);
    assert.throws(() => parseTarget(`ssh://${name}`), isMisuse, `address ${JSON.stringify(name)}`);
    assert.throws(() => parseTarget(`ssh://${encodeURIComponent(name)}/`), isMisuse, `encoded ${JSON.stringify(name)}`);
  }
  // Patterns of known_hosts, token expansion, paths.
  for (const name of [
    'a\\b',
    '*',
    '?',
    '*.example.com',
    '!host',
    'a,b',
    '%h',
    'a%0ab',
    '../x',
    'a/b',
    'a#b',
    'fe80::1%a;b',
  ]) {
    assert.throws(() => parseTarget({ host: name }), isMisuse, name);
    assert.throws(() => parseTarget(name), isMisuse, name);
  }
});

test('hostile user names are refused in every form', () => {
  for (const name of [...hostileNames, 'ends with\\', 'ada\\']) {
    assert.throws(() => parseTarget({ host: 'host', user: name }), isMisuse, `object ${JSON.stringify(name)}`);
    assert.throws(() => parseTarget(`${name}@host`), isMisuse, `text ${JSON.stringify(name)}`);
    // In an address the escapes are undone first, and judged after that.
    const encoded = encodeURIComponent(name);
    assert.throws(() => parseTarget(`ssh://${encoded}@host`), isMisuse, `address ${JSON.stringify(name)}`);
  }
});

test('ports outside 1 to 65535 and colons that belong to nothing are refused', () => {
  for (const text of [
    'host:0',
    'host:65536',
    'host:99999999999999999999',
    'host:-1',
    'host:',
    'host:22:',
    'host:ssh',
    'host:0x16',
    'host:22 ',
    'host:2.5',
    'host:1e2',
    'a:b:c',
    '[::1]:0',
    '[::1]:',
    '[::1]22',
    '[::1',
    '::1]',
    '[]',
    '[]:22',
    '[host:x]',
    ':22',
    '@host',
    'ada@',
    '@',
    'ssh://',
    'ssh://host:0',
    'ssh://host:99999',
    'ssh://host:x',
    'ssh://host/path',
    'ssh://host?query',
    'ssh://ada@',
    'ssh://@host',
    'ssh://%zz@host',
    'ssh://%c3%28@host',
    'ssh://[::1',
  ]) {
    assert.throws(() => parseTarget(text), isMisuse, text);
  }
  for (const port of [0, -1, 65536, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => parseTarget({ host: 'host', port }), isMisuse, String(port));
  }
});

test('a password in an address is refused, and not repeated in the error', () => {
  assert.throws(
    () => parseTarget('ssh://ada:secret@host'),
    (error: unknown) => isMisuse(error) && !(error as Error).message.includes('secret'),
  );
});

test('errors stay short and quick, however long the name', () => {
  const long = 'a'.repeat(1_000_000);
  for (const text of [`-${long}`, `${long} `, `ssh://${long} `, `${long}@-x`, `-${long}@h`, `[${long}`, `${long}:x`]) {
    const start = performance.now();
    assert.throws(
      () => parseTarget(text),
      (error: unknown) => isMisuse(error) && (error as Error).message.length < 500,
    );
    assert.ok(performance.now() - start < 500);
  }
});

test('property: what is accepted holds nothing a shell acts upon, and reads back the same', () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom(...hostileNames, '@', ':', '[', ']', 'ssh://', '22'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      let target: ReturnType<typeof parseTarget>;
      try {
        target = parseTarget(pieces.join(''));
      } catch (error) {
        assert.ok(isMisuse(error), String(error));
        return;
      }
      for (const name of [target.host, target.user ?? 'x']) {
        assert.match(name, /^[^-\s]/);
        assert.doesNotMatch(name, /[\s"'`$;&<>|(){}\0-\x1f\x7f-\x9f]/);
      }
      assert.deepEqual(parseTarget(target), target);
    }),
    { numRuns: 2000 },
  );
});
