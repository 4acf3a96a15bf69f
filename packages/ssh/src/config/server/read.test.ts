import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../../errors.ts';
import { dumpServerConfig } from './dump.ts';
import { type ServerKeyword, serverKeywords, serverRow } from './keywords.ts';
import { complaintsOf, memoryFiles, readText } from './memory-files.test.kit.ts';
import { readServerConfig } from './read.ts';
import { resolveServerConfig } from './resolve.ts';
import { expandServerTokens } from './tokens.ts';

test('every mistake is told, each with its line, in OpenSSH’s words', () => {
  assert.deepEqual(complaintsOf('Bogus 1\nPort x\nStrictModes perhaps\nUsePAM\nStrictModes yes no\n"AllowUsers a'), [
    'main: line 1: Bad configuration option: Bogus',
    'main line 2: Badly formatted port number.',
    'main line 3: unsupported option "perhaps".',
    'main line 4: no argument after keyword "UsePAM"',
    'main line 5: keyword StrictModes extra arguments at end of line',
    'main line 6: invalid line',
    'main: terminating, 6 bad configuration options',
  ]);
  assert.match(complaintsOf('AllowUsers * !eve')[0] ?? '', /negates nothing here/);
  assert.equal(complaintsOf('DenyUsers eve@10.0.0.1/8')[0], 'main line 1: invalid DenyUsers pattern: "eve@10.0.0.1/8"');
  // A mistake in a line that does not count, or in a block that fits nobody, is one.
  assert.equal(complaintsOf('MaxSessions 1\nMaxSessions x').length, 2);
  assert.equal(complaintsOf('Match User nobody\nMaxSessions x').length, 2);
});

test('options come before the file; what only a file can say is refused', () => {
  const { settings, origins } = readText('MaxSessions 9\nPort 1', {}, { options: ['MaxSessions 4', 'Port=3'] });
  assert.deepEqual([settings.maxSessions, settings.port], [4, [3, 1]]);
  assert.deepEqual(origins.get('maxSessions'), [{ file: 'command-line', line: 0 }]);
  assert.deepEqual(readText('Port 1', {}, { ports: [7] }).settings.port, [7]);
  for (const [option, reason] of [
    ['Nonsense=1', 'command-line: line 0: Bad configuration option: Nonsense'],
    ['Match all', 'command-line line 0: Match directive not supported as a command-line option'],
    ['Include x', 'command-line line 0: Include directive not supported as a command-line option'],
    ['SetEnv=A=b\nPort 3', 'command-line line 0: invalid line'],
    ['Banner=\0', 'command-line line 0: invalid line'],
  ] as const) {
    assert.throws(
      () => readServerConfig({ options: [option] }, memoryFiles({})),
      (error) => error instanceof SshError && error.message.split('\n')[0] === reason,
      option,
    );
  }
});

test('Include: patterns, what is not there, and circles', () => {
  const files = { '/etc/ssh/d/2': 'Port 2', '/etc/ssh/d/1': 'Port 1\nMaxSessions 1', '/loop': 'Include /loop' };
  const { settings, origins } = readText('Include d/* /missing\nPort 9\nMaxSessions 9', files);
  assert.deepEqual([settings.port, settings.maxSessions], [[1, 2, 9], 1]);
  assert.deepEqual(origins.get('maxSessions'), [{ file: '/etc/ssh/d/1', line: 2 }]);
  assert.deepEqual(complaintsOf('Include /loop', files)[0], '/loop line 1: Too many recursive configuration includes');
  assert.deepEqual(complaintsOf('Include ""')[0], 'main line 1: keyword Include empty argument');
  // Each level doubles the work.
  assert.throws(() => readText('Include /twice', { '/twice': 'Include /twice\nInclude /twice' }), {
    code: 'limit-exceeded',
    message: '/twice: more than 1000 files are included',
  });
});

const rowNames = (Object.keys(serverKeywords) as ServerKeyword[]).map((key) => serverRow(key).name);
const oddText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('none', 'a b', '"a', "'x'", '=', '\\', '# x', '%u', '10.0.0.0/8'),
);
const anyLine = fc
  .tuple(
    fc.oneof(fc.constantFrom(...rowNames, 'Match', 'Include', 'Protocol'), fc.string()),
    fc.constantFrom(' ', '=', ' = ', '\t', '"', ''),
    oddText,
    fc.constantFrom('', ' x', ' "a b"'),
  )
  .map((parts) => parts.join(''));

test('any text gives settings or an SshError; settings are printed and read back as they were', () => {
  fc.assert(
    fc.property(fc.array(anyLine, { maxLength: 6 }), (lines) => {
      let printed: string[];
      try {
        const parsed = readText(lines.join('\n'), {}, { acceptUnserved: true });
        printed = dumpServerConfig(resolveServerConfig(parsed, { user: 'ada', address: '10.0.0.1' }).settings);
      } catch (error) {
        assert.ok(error instanceof SshError, String(error));
        return;
      }
      assert.deepEqual(dumpServerConfig(readText(printed.join('\n'), {}, { acceptUnserved: true }).settings), printed);
    }),
    { numRuns: 3000 },
  );
});

test('one line of each keyword is printed and read back as it was', () => {
  // Of many lines together hardly any is right: here each stands alone, with values that are odd and often right.
  const value = fc.oneof(
    oddText,
    fc.constantFrom(
      'yes',
      '5',
      '1m',
      'a=b c',
      'any',
      'publickey',
      '/x "y z"',
      '5:6:7',
      'sftp x "a b" \\"c',
      '+ssh-*',
      'x:1 *:*',
    ),
    fc.tuple(oddText, oddText).map(([a, b]) => `${a} ${b}`),
  );
  fc.assert(
    fc.property(fc.constantFrom(...rowNames), value, (name, text) => {
      if (text.includes('\n')) return;
      try {
        const printed = dumpServerConfig(readText(`${name} ${text}`, {}, { acceptUnserved: true }).settings);
        assert.deepEqual(
          dumpServerConfig(readText(printed.join('\n'), {}, { acceptUnserved: true }).settings),
          printed,
        );
      } catch (error) {
        assert.ok(error instanceof SshError && error.code === 'bad-file', String(error));
        assert.match(error.message, /^main:? line 1: .*\nmain: terminating, 1 bad configuration options$/ms);
      }
    }),
    { numRuns: 3000 },
  );
});

test('tokens, where they may stand', () => {
  const facts = {
    user: 'ada',
    userId: 1000,
    home: '/home/ada',
    endpoints: () => ['192.0.2.7', 5, '192.0.2.1', 22] as const,
    key: { type: () => 'ssh-ed25519', base64: () => 'AAAA', fingerprint: () => 'SHA256:x' },
  };
  assert.equal(expandServerTokens('AuthorizedKeysFile', '/k/%u/%U%%%h', facts), '/k/ada/1000%/home/ada');
  assert.equal(
    expandServerTokens('AuthorizedKeysCommand', '%f %k %t %C', facts),
    'SHA256:x AAAA ssh-ed25519 192.0.2.7 5 192.0.2.1 22',
  );
  // %f is a key's, which a file of keys is asked for by none; %i is a certificate's, and this is none.
  for (const [keyword, text] of [
    ['AuthorizedKeysFile', '%f'],
    ['AuthorizedKeysCommand', '%i'],
    ['AuthorizedPrincipalsCommand', '%i'],
    ['ChrootDirectory', '%d'],
    ['AuthorizedKeysFile', 'x%'],
  ] as const) {
    assert.throws(() => expandServerTokens(keyword, text, facts), { code: 'bad-file' }, `${keyword} ${text}`);
  }
  const certificate = {
    keyId: () => 'id',
    serial: () => '7',
    authorityType: () => 'ssh-rsa',
    authorityBase64: () => 'BBBB',
    authorityFingerprint: () => 'SHA256:y',
  };
  const withCertificate = { ...facts, rdomain: () => 'vrf', key: { ...facts.key, certificate } };
  assert.equal(
    expandServerTokens('AuthorizedPrincipalsCommand', '%i %s %T %K %F %D', withCertificate),
    'id 7 ssh-rsa BBBB SHA256:y vrf',
  );
});
