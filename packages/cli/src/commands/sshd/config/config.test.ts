/** Tests of reading sshd_config: values, order, includes, mistakes in OpenSSH's words, and what must stop the server. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import fc from 'fast-check';
import { aliases, keywords, otherKeywords } from '../keywords/table.ts';
import { readConfig } from './config.ts';
import { expandGlob } from './read-file.ts';
import { splitConfigLine } from './words.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-config-'));
// Not after(): where many files run in one process, that comes before some of these tests.
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

let written = 0;
function fileOf(text: string): string {
  const file = join(folder, `config-${++written}`);
  writeFileSync(file, text);
  return file;
}
const read = (text: string, options: readonly string[] = []) => readConfig(options, fileOf(text));
const settingsOf = (...lines: string[]) => read(lines.join('\n')).settings;
const complaint = (line: string): string => {
  try {
    readConfig([line], undefined);
  } catch (error) {
    assert.ok(error instanceof SshError, String(error));
    return error.message;
  }
  return '';
};

test('words: quotes, escapes, equals signs, comments', () => {
  assert.deepEqual(splitConfigLine('  Port 22 # here'), { keyword: 'Port', words: ['22'], rest: '22 # here' });
  assert.deepEqual(splitConfigLine('Port=22'), { keyword: 'Port', words: ['22'], rest: '22' });
  assert.deepEqual(splitConfigLine('Port = 22')?.valueOf(), { keyword: 'Port', words: ['22'], rest: '22' });
  const quoted = splitConfigLine(`A "b c" 'd "e"' f\\ g "h\\"i" j#k`);
  assert.deepEqual(typeof quoted === 'object' && quoted.words, ['b c', 'd "e"', 'f g', 'h"i', 'j#k']);
  assert.equal(splitConfigLine('# nothing'), undefined);
  assert.equal(splitConfigLine(' \t\r'), undefined);
  assert.equal(splitConfigLine('A "b'), 'invalid quotes.');
});

test('defaults are the safe ones', () => {
  const { settings } = readConfig([], undefined);
  assert.equal(settings.permitRootLogin, 'prohibit-password');
  assert.equal(settings.permitEmptyPasswords, false);
  assert.equal(settings.strictModes, true);
  assert.equal(settings.permitUserEnvironment, false);
  assert.equal(settings.requiredRsaSize, 2048);
  assert.deepEqual(settings.acceptEnv, []);
  assert.deepEqual([settings.loginGraceMs, settings.maxAuthTries], [120_000, 6]);
});

test('the first value counts, options before the file, and some lines add up', () => {
  const { settings } = read('LogLevel ERROR\nLogLevel DEBUG\nport 1\nPORT 2\nAcceptEnv A B\nAcceptEnv C', [
    'Port=3',
    'MaxSessions 4',
  ]);
  assert.equal(settings.logLevel, 'ERROR');
  assert.deepEqual(settings.port, [3, 1, 2]);
  assert.deepEqual(settings.acceptEnv, ['A', 'B', 'C']);
  assert.equal(settings.maxSessions, 4);
});

test('values of every shape', () => {
  const settings = settingsOf(
    'ListenAddress 0.0.0.0',
    'ListenAddress [::1]:2222',
    'ListenAddress fe80::1',
    'ListenAddress host:23',
    'LoginGraceTime 1h30m',
    'RekeyLimit 1G 30m',
    'MaxStartups 5:50:20',
    'AuthenticationMethods publickey,password publickey,keyboard-interactive:pam',
    'ForceCommand  echo "a  b" # all of it',
    'Subsystem sftp /usr/lib/openssh/sftp-server -l INFO',
    'SetEnv A=1 "B=two words"',
    'AuthorizedKeysFile .ssh/authorized_keys /etc/keys/%u',
    'PermitOpen host:22 [::1]:*',
    'PermitListen none',
    'Banner none',
  );
  assert.deepEqual(settings.listenAddress, [
    { host: '0.0.0.0', port: undefined },
    { host: '::1', port: 2222 },
    { host: 'fe80::1', port: undefined },
    { host: 'host', port: 23 },
  ]);
  assert.equal(settings.loginGraceMs, 5_400_000);
  assert.deepEqual(settings.rekeyLimit, { bytes: 2 ** 30, ms: 1_800_000 });
  assert.deepEqual(settings.maxStartups, { start: 5, ratePercent: 50, full: 20 });
  assert.deepEqual(settings.authenticationMethods, [
    ['publickey', 'password'],
    ['publickey', 'keyboard-interactive'],
  ]);
  assert.equal(settings.forceCommand, 'echo "a  b" # all of it');
  assert.deepEqual([...settings.subsystems], [['sftp', '/usr/lib/openssh/sftp-server -l INFO']]);
  assert.deepEqual(
    [...settings.setEnv],
    [
      ['A', '1'],
      ['B', 'two words'],
    ],
  );
  assert.deepEqual(settings.authorizedKeysFile, ['.ssh/authorized_keys', '/etc/keys/%u']);
  assert.deepEqual(settings.permitOpen, ['host:22', '[::1]:*']);
  assert.equal(settings.permitListen, 'none');
  assert.equal(settings.banner, undefined);
});

test('lists of algorithms: whole, added, removed, in front; what OpenSSH alone has is left out with a warning', () => {
  assert.deepEqual(settingsOf('Ciphers aes128-ctr,aes256-ctr').ciphers?.names, ['aes128-ctr', 'aes256-ctr']);
  assert.equal(settingsOf('Ciphers ^aes128-ctr').ciphers?.names[0], 'aes128-ctr');
  assert.equal(settingsOf('MACs +hmac-sha2-256').macs?.names.at(-1), 'hmac-sha2-256');
  const without = settingsOf('KexAlgorithms -ecdh-*,sntrup*').kexAlgorithms?.names ?? [];
  assert.ok(without.includes('curve25519-sha256') && !without.some((name) => /^(ecdh|sntrup)/.test(name)));
  const config = read('MACs umac-64-etm@openssh.com,hmac-sha2-256-etm@openssh.com');
  assert.deepEqual(config.settings.macs?.names, ['hmac-sha2-256-etm@openssh.com']);
  assert.deepEqual(config.warnings, ['MACs: umac-64-etm@openssh.com is not built into this sshd']);
  assert.match(complaint('MACs umac-64@openssh.com'), /Bad SSH2 mac spec.*none of them is built/);
  assert.match(complaint('Ciphers aes128-ctr,nonsense'), /Bad SSH2 cipher spec 'aes128-ctr,nonsense'\./);
  assert.match(complaint('Ciphers -*'), /Bad SSH2 cipher spec/);
});

test('mistakes, each with its line, in OpenSSH’s words', () => {
  const file = fileOf('Bogus 1\nPort x\nStrictModes perhaps\nUsePAM\n');
  assert.throws(
    () => readConfig([], file),
    (error: SshError) => {
      assert.deepEqual(error.message.split('\n'), [
        `${file}: line 1: Bad configuration option: Bogus`,
        `${file} line 2: Badly formatted port number.`,
        `${file} line 3: unsupported option "perhaps".`,
        `${file} line 4: missing argument.`,
        `${file}: terminating, 4 bad configuration options`,
      ]);
      return true;
    },
  );
  assert.match(complaint('Nonsense=1'), /^command-line: line 0: Bad configuration option: Nonsense\n/);
  assert.match(complaint('StrictModes yes no'), /extra arguments at end of line: "no"/);
  assert.match(complaint('AllowUsers * !eve'), /negates nothing here/);
  assert.match(complaint('DenyUsers eve@10.0.0.1/8'), /invalid pattern/);
  assert.match(complaint('AuthenticationMethods publickey,hostbased'), /not served here/);
  assert.throws(() => readConfig([], join(folder, 'missing')), /No such file or directory/);
});

test('what silence would weaken stops the server; what it would not is a warning', () => {
  for (const line of [
    'Match all',
    'ChrootDirectory /x',
    'AuthorizedKeysCommand /x',
    'AuthorizedPrincipalsFile /x',
    'PubkeyAuthOptions verify-required',
  ]) {
    assert.match(complaint(line), /is not supported by this sshd, and without it/, line);
  }
  for (const line of ['ChrootDirectory none', 'GSSAPIAuthentication no', 'X11Forwarding no']) {
    assert.deepEqual(readConfig([line], undefined).warnings, [], line);
  }
  for (const line of ['X11Forwarding yes', 'IPQoS none', 'Protocol 2']) {
    assert.equal(readConfig([line], undefined).warnings.length, 1, line);
  }
});

test('Include: patterns, order, loops, and what is no file', () => {
  const parts = join(folder, 'parts');
  mkdirSync(parts);
  writeFileSync(join(parts, '20.conf'), 'MaxSessions 20\nPort 20\n');
  writeFileSync(join(parts, '10.conf'), 'MaxSessions 10\nPort 10\n');
  writeFileSync(join(parts, '30.other'), 'Bogus yes\n');
  const { settings } = read(`Include ${parts}/*.conf ${parts}/missing\nMaxSessions 99\nPort 99\n`);
  assert.deepEqual([settings.maxSessions, settings.port], [10, [10, 20, 99]]);
  assert.deepEqual(expandGlob(`${folder}/p?rts/1*`), [join(parts, '10.conf')]);
  const loop = join(folder, 'loop');
  writeFileSync(loop, `Include ${loop}\n`);
  assert.throws(() => readConfig([], loop), /Too many recursive configuration includes/);
  assert.throws(() => readConfig([], folder), /is not a regular file/);
  symlinkSync('/dev/zero', join(folder, 'zero'));
  assert.throws(() => readConfig([], join(folder, 'zero')), /is not a regular file/);
  assert.deepEqual(readConfig([], '/dev/null').warnings, []);
});

/** Every keyword of OpenSSH 10.5 that is not deprecated. */
const openSshKeywords = `AcceptEnv AddressFamily AllowAgentForwarding AllowGroups AllowStreamLocalForwarding AllowTcpForwarding AllowUsers
AuthenticationMethods AuthorizedKeysCommand AuthorizedKeysCommandUser AuthorizedKeysFile AuthorizedPrincipalsCommand
AuthorizedPrincipalsCommandUser AuthorizedPrincipalsFile Banner CASignatureAlgorithms ChannelTimeout ChrootDirectory Ciphers
ClientAliveCountMax ClientAliveInterval Compression DenyGroups DenyUsers DisableForwarding ExposeAuthInfo FingerprintHash
ForceCommand GatewayPorts GSSAPIAuthentication GSSAPICleanupCredentials GSSAPIDelegateCredentials GSSAPIStrictAcceptorCheck
HostbasedAcceptedAlgorithms HostbasedAuthentication HostbasedUsesNameFromPacketOnly HostCertificate HostKey HostKeyAgent
HostKeyAlgorithms IgnoreRhosts IgnoreUserKnownHosts Include IPQoS KbdInteractiveAuthentication KerberosAuthentication
KerberosGetAFSToken KerberosOrLocalPasswd KerberosTicketCleanup KexAlgorithms ListenAddress LoginGraceTime LogLevel LogVerbose
MACs Match MaxAuthTries MaxSessions MaxStartups ModuliFile PAMServiceName PasswordAuthentication PermitEmptyPasswords
PermitListen PermitOpen PermitRootLogin PermitTTY PermitTunnel PermitUserEnvironment PermitUserRC PerSourceMaxStartups
PerSourceNetBlockSize PerSourcePenalties PerSourcePenaltyExemptList PidFile Port PrintLastLog PrintMotd PubkeyAcceptedAlgorithms
PubkeyAuthentication PubkeyAuthOptions RDomain RefuseConnection RekeyLimit RequiredRSASize RevokedKeys SecurityKeyProvider SetEnv
SshdAuthPath SshdSessionPath StreamLocalBindMask StreamLocalBindUnlink StrictModes Subsystem SyslogFacility TCPKeepAlive
TrustedUserCAKeys UnusedConnectionTimeout UseDNS UsePAM VersionAddendum X11DisplayOffset X11Forwarding X11UseLocalhost XAuthLocation`;

test('every keyword of OpenSSH is known, once', () => {
  const served = Object.values(keywords).map((row) => row.name.toLowerCase());
  const names = [...served, ...otherKeywords.keys(), 'include'];
  assert.equal(new Set(names).size, names.length);
  for (const keyword of openSshKeywords.split(/\s+/)) assert.ok(names.includes(keyword.toLowerCase()), keyword);
  for (const name of aliases.values()) assert.ok(names.includes(name), name);
});

test('any text gives settings or an SshError', () => {
  const word = fc.oneof(
    fc.constantFrom(...Object.values(keywords).map((row) => row.name), ...otherKeywords.keys()),
    fc.string(),
  );
  const line = fc
    .tuple(word, fc.constantFrom(' ', '=', '"', ''), fc.string({ unit: 'binary' }))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(line, (option) => {
      try {
        readConfig([option], undefined);
      } catch (error) {
        assert.ok(error instanceof SshError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
