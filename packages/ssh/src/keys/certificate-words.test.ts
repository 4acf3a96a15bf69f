/** The words of ssh-keygen -O: what each asks for, in which order they count, and which are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { buildCertificateOptions, defaultUserExtensions, parseCertificateOption } from './index.ts';

const permissions = [
  'permit-X11-forwarding',
  'permit-agent-forwarding',
  'permit-port-forwarding',
  'permit-pty',
  'permit-user-rc',
];
const names = (record: Readonly<Record<string, unknown>>): string[] => Object.keys(record).sort();

test('users begin with every permission, hosts with none', () => {
  assert.deepEqual(names(defaultUserExtensions), permissions);
  const user = buildCertificateOptions('user', []);
  assert.deepEqual(names(user.extensions), permissions);
  assert.deepEqual(names(user.criticalOptions), []);
  const host = buildCertificateOptions('host', []);
  assert.deepEqual([names(host.extensions), names(host.criticalOptions)], [[], []]);
});

test('words count in order and whatever their case', () => {
  const cases: [string[], string[], string[]][] = [
    [['clear'], [], []],
    [['CLEAR', 'Permit-PTY'], ['permit-pty'], []],
    [['permit-pty', 'clear'], [], []],
    [
      ['no-pty', 'permit-pty', 'no-x11-forwarding', 'no-agent-forwarding', 'no-port-forwarding'],
      ['permit-pty', 'permit-user-rc'],
      [],
    ],
    [['clear', 'no-touch-required', 'verify-required'], ['no-touch-required'], ['verify-required']],
    [['clear', 'no-touch-required', 'touch-required', 'verify-required', 'no-verify-required'], [], []],
    // clear takes flags away, and nothing that was given by name.
    [['extension:x@example', 'force-command=ls', 'verify-required', 'clear'], ['x@example'], ['force-command']],
    // Once by its word and once by name is once.
    [
      ['clear', 'permit-pty', 'extension:permit-pty', 'critical:verify-required', 'verify-required'],
      ['permit-pty'],
      ['verify-required'],
    ],
  ];
  for (const [words, extensions, critical] of cases) {
    const built = buildCertificateOptions('user', words);
    assert.deepEqual(names(built.extensions), extensions, words.join(' '));
    assert.deepEqual(names(built.criticalOptions), critical, words.join(' '));
  }
});

test('values are taken as they stand', () => {
  const { criticalOptions, extensions } = buildCertificateOptions('host', [
    'Force-Command=echo "a=b"',
    'SOURCE-ADDRESS=192.0.2.0/24,2001:db8::1',
    'critical:a@example=b=c',
    'extension:empty@example=',
    'extension:Flag@example',
    'extension:__proto__=x',
  ]);
  assert.deepEqual(
    { ...criticalOptions },
    { 'force-command': 'echo "a=b"', 'source-address': '192.0.2.0/24,2001:db8::1', 'a@example': 'b=c' },
  );
  assert.deepEqual(Object.entries(extensions), [
    ['empty@example', ''],
    ['Flag@example', true],
    ['__proto__', 'x'],
  ]);
});

test("refuses in OpenSSH's words", () => {
  const refused: [RegExp, ...string[]][] = [
    [/^Unsupported certificate option ""$/, ''],
    [/^Unsupported certificate option "pty"$/, 'pty'],
    [/^Unsupported certificate option "force-command"$/, 'force-command'],
    [/^Unsupported certificate option "permit-pty=1"$/, 'permit-pty=1'],
    [/^Empty force-command option$/, 'force-command='],
    [/^Empty source-address option$/, 'source-address='],
    [/^Invalid source-address list \(.*bits set/, 'source-address=10.0.0.1/8'],
    [/^Invalid source-address list \(.*no number/, 'source-address=10.0.0.0/33'],
    [/^Invalid source-address list \(.*no address/, 'source-address=!10.0.0.0/8'],
    [/^Invalid source-address list \(.*no address/, 'source-address=10.*'],
    [/^Invalid source-address list \(.*no address/, 'source-address=::1%lo'],
    [/^Invalid source-address list \(an entry is empty/, 'source-address=10.0.0.1,'],
    [/^Invalid source-address list \(at most/, `source-address=${'1.2.3.4,'.repeat(2000)}1.2.3.4`],
    [/^force-command already specified$/, 'force-command=a', 'force-command=a'],
    [/^source-address already specified$/, 'source-address=::1', 'critical:source-address=::1'],
    [/gives x@example a second value$/, 'extension:x@example', 'extension:x@example=1'],
    [/^the name of a certificate option/, 'critical:'],
    [/^the name of a certificate option/, 'extension:=x'],
    [/^the name of a certificate option/, 'extension:a b'],
  ];
  for (const [message, ...words] of refused) {
    assert.throws(() => buildCertificateOptions('user', words), { name: 'SshError', code: 'misuse', message });
  }
});

test('any word is an option or misuse', () => {
  const start = fc.constantFrom('', 'force-command=', 'source-address=', 'critical:', 'extension:', 'permit-', 'no-');
  fc.assert(
    fc.property(start, fc.string(), (head, tail) => {
      try {
        parseCertificateOption(head + tail);
      } catch (error) {
        assert.ok(error instanceof SshError && error.code === 'misuse', head + tail);
      }
    }),
  );
});
