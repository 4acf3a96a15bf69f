import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpServerConfig } from './dump.ts';
import {
  findServerKeyword,
  judgePastKeyword,
  ownKeywords,
  type ServerKeyword,
  serverKeywords,
  serverRow,
} from './keywords.ts';
import { complaintsOf, readText } from './memory-files.test.kit.ts';
import { fullPenalties } from './penalties.ts';

const settingsOf = (...lines: string[]) => readText(lines.join('\n')).settings;

test('defaults are the safe ones', () => {
  const settings = settingsOf();
  assert.equal(settings.permitRootLogin, 'prohibit-password');
  assert.equal(settings.permitEmptyPasswords, false);
  assert.equal(settings.strictModes, true);
  assert.equal(settings.permitUserEnvironment, false);
  assert.equal(settings.requiredRsaSize, 2048);
  assert.deepEqual(settings.acceptEnv, []);
  assert.deepEqual([settings.loginGraceSeconds, settings.maxAuthTries], [120, 6]);
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
    'Subsystem sftp /usr/lib/openssh/sftp-server -l INFO "a b"',
    'SetEnv A=1 "B=two words" A=2',
    'AuthorizedKeysFile .ssh/authorized_keys /etc/keys/%u',
    'PermitOpen host:22 [::1]:*',
    'PermitListen none',
    'Banner none',
    'PidFile here/pid',
    'HostKey ~/key',
    'RevokedKeys /a b',
  );
  assert.deepEqual(settings.listenAddress, [
    { host: '0.0.0.0', port: undefined },
    { host: '::1', port: 2222 },
    { host: 'fe80::1', port: undefined },
    { host: 'host', port: 23 },
  ]);
  assert.equal(settings.loginGraceSeconds, 5400);
  assert.deepEqual(settings.rekeyLimit, { bytes: 2 ** 30, seconds: 1800 });
  assert.deepEqual(settings.maxStartups, { start: 5, ratePercent: 50, full: 20 });
  assert.deepEqual(settings.authenticationMethods, ['publickey,password', 'publickey,keyboard-interactive:pam']);
  assert.equal(settings.forceCommand, 'echo "a  b" # all of it');
  assert.deepEqual([...settings.subsystems], [['sftp', '/usr/lib/openssh/sftp-server -l INFO "a b"']]);
  assert.deepEqual(Object.fromEntries(settings.setEnv), { A: '1', B: 'two words' });
  assert.deepEqual(settings.authorizedKeysFile, ['.ssh/authorized_keys', '/etc/keys/%u']);
  assert.deepEqual(settings.permitOpen, ['host:22', '[::1]:*']);
  assert.deepEqual(settings.permitListen, []);
  assert.equal(settings.banner, undefined);
  assert.equal(settings.pidFile, '/cwd/here/pid');
  assert.deepEqual(settings.hostKey, ['/cwd/home/key']);
  assert.deepEqual(settings.revokedKeys, ['/a', '/cwd/b']);
  assert.deepEqual(settingsOf('PermitListen 22 localhost:*').permitListen, ['*:22', 'localhost:*']);
});

test('the first value counts, but for the keywords of which the last does; some lines add up', () => {
  const settings = settingsOf(
    ...['LogLevel ERROR', 'LogLevel DEBUG', 'port 1', 'PORT 2', 'AcceptEnv A B', 'AcceptEnv C'],
    ...['IPQoS none', 'IPQoS ef none', 'MaxStartups 5:40:9', 'MaxStartups 7', 'StreamLocalBindMask 0177'],
    ...['RekeyLimit 1G', 'RekeyLimit 2G 1h', 'SetEnv A=1', 'SetEnv B=1', 'UnusedConnectionTimeout none'],
    ...['Subsystem a /x', 'Subsystem a /y', 'Subsystem b /z'],
  );
  assert.equal(settings.logLevel, 'ERROR');
  assert.deepEqual(settings.port, [1, 2]);
  assert.deepEqual(settings.acceptEnv, ['A', 'B', 'C']);
  assert.deepEqual(settings.ipQos, { interactive: 'ef', bulk: 'none' });
  assert.deepEqual(settings.maxStartups, { start: 7, ratePercent: 40, full: 7 });
  assert.deepEqual(settings.rekeyLimit, { bytes: 2 ** 30, seconds: 3600 });
  assert.deepEqual([...settings.setEnv.keys()], ['A']);
  assert.deepEqual(Object.fromEntries(settings.subsystems), { a: '/x', b: '/z' });
});

test('lists of algorithms: whole, added, removed, in front; what OpenSSH alone has is left out with a warning', () => {
  assert.deepEqual(settingsOf('Ciphers aes128-ctr,aes256-ctr').ciphers.names, ['aes128-ctr', 'aes256-ctr']);
  assert.equal(settingsOf('Ciphers ^aes128-ctr').ciphers.names[0], 'aes128-ctr');
  assert.equal(settingsOf('MACs +hmac-sha2-256').macs.names.at(-1), 'hmac-sha2-256');
  const { names } = settingsOf('KexAlgorithms -ecdh-*,sntrup*').kexAlgorithms;
  assert.ok(names.includes('curve25519-sha256') && !names.some((name) => /^(ecdh|sntrup)/.test(name)));
  const config = readText('MACs umac-64-etm@openssh.com,hmac-sha2-256-etm@openssh.com');
  assert.deepEqual(config.settings.macs.names, ['hmac-sha2-256-etm@openssh.com']);
  assert.deepEqual(config.warnings, ['main line 1: MACs: umac-64-etm@openssh.com is not built into this sshd']);
  assert.match(complaintsOf('MACs umac-64@openssh.com')[0] ?? '', /^main line 1: no algorithm is left/);
  assert.equal(complaintsOf('MACs aes')[0], "main line 1: Bad SSH2 mac spec 'aes'.");
  assert.equal(
    complaintsOf('Ciphers aes128-ctr,nonsense')[0],
    "main line 1: Bad SSH2 cipher spec 'aes128-ctr,nonsense'.",
  );
  assert.match(complaintsOf('Ciphers -*')[0] ?? '', /no algorithm is left/);
});

test('keywords of ours: tunnel rules and quotas add up, in Match they come first and instead; balancers are blocks', () => {
  const { settings } = readText(
    'TunnelPolicy deny local 10.0.0.0/8\nTunnelPolicy allow any *\nTunnelQuota connections=1\nTunnelQuota bytes=1k per=key\n' +
      'ProxyProtocolFrom 10.0.0.1 10.1.0.0/16\nProxyProtocolFrom ::1\n',
  );
  assert.deepEqual(
    settings.tunnelPolicy.map(({ words }) => words.join(' ')),
    ['deny local 10.0.0.0/8', 'allow any *'],
  );
  assert.deepEqual(settings.tunnelQuotas, [
    { per: 'user', connections: 1 },
    { per: 'key', bytes: 1024 },
  ]);
  assert.deepEqual(settings.proxyProtocolFrom, ['10.0.0.1', '10.1.0.0/16', '::1']);
  for (const bad of [
    ...['TunnelPolicy deny local', 'TunnelPolicy deny socket x', 'TunnelQuota', 'TunnelQuota none x'],
    ...['ProxyProtocolFrom host', 'ProxyProtocolFrom 10.0.0.1/8', 'ProxyProtocolFrom !10.0.0.1'],
    'Match User x\nProxyProtocolFrom 10.0.0.1',
  ]) {
    assert.notEqual(complaintsOf(bad).length, 0, bad);
  }
});

test('penalties: of each part the first counts, and any of them switches them on', () => {
  const read = (...lines: string[]) => {
    const { settings } = readText(lines.join('\n'), {}, { acceptUnserved: true });
    return fullPenalties(settings.perSourcePenalties);
  };
  assert.equal(read('PerSourcePenalties no').enabled, false);
  const some = read('PerSourcePenalties crash:2m max:1h', 'PerSourcePenalties crash:1 overflow:deny-all');
  assert.deepEqual(
    [some.enabled, some.crash, some.max, some.overflow, some.authfail],
    [true, 120, 3600, 'deny-all', 5],
  );
  assert.equal(read('PerSourcePenalties no', 'PerSourcePenalties crash:1').enabled, true);
  assert.equal(read('PerSourcePenalties crash:1', 'PerSourcePenalties no').enabled, true);
  for (const bad of ['yes crash:1', 'crash', 'shape:1', 'enabled:1', 'crash:x', 'max-sources4:0', 'overflow:x']) {
    assert.equal(complaintsOf(`PerSourcePenalties ${bad}`).length, 2, bad);
  }
});

/** Every keyword of OpenSSH 10.5, those that Match may set with a plus. */
const openSshKeywords =
  `AcceptEnv+ AddressFamily AllowAgentForwarding+ AllowGroups+ AllowStreamLocalForwarding+ AllowTcpForwarding+
AllowUsers+ AuthenticationMethods+ AuthorizedKeysCommand+ AuthorizedKeysCommandUser+ AuthorizedKeysFile+ AuthorizedPrincipalsCommand+
AuthorizedPrincipalsCommandUser+ AuthorizedPrincipalsFile+ Banner+ CASignatureAlgorithms+ ChannelTimeout+ ChrootDirectory+ Ciphers
ClientAliveCountMax+ ClientAliveInterval+ Compression DenyGroups+ DenyUsers+ DisableForwarding+ ExposeAuthInfo+ FingerprintHash
ForceCommand+ GatewayPorts+ GSSAPIAuthentication+ GSSAPICleanupCredentials GSSAPIDelegateCredentials GSSAPIStrictAcceptorCheck
HostbasedAcceptedAlgorithms+ HostbasedAuthentication+ HostbasedUsesNameFromPacketOnly+ HostCertificate HostKey HostKeyAgent
HostKeyAlgorithms IgnoreRhosts+ IgnoreUserKnownHosts IPQoS+ KbdInteractiveAuthentication+ KerberosAuthentication+
KerberosGetAFSToken KerberosOrLocalPasswd KerberosTicketCleanup KexAlgorithms ListenAddress LoginGraceTime LogLevel+ LogVerbose+
MACs MaxAuthTries+ MaxSessions+ MaxStartups ModuliFile PAMServiceName+ PasswordAuthentication+ PermitEmptyPasswords+
PermitListen+ PermitOpen+ PermitRootLogin+ PermitTTY+ PermitTunnel+ PermitUserEnvironment PermitUserRC+ PerSourceMaxStartups
PerSourceNetBlockSize PerSourcePenalties PerSourcePenaltyExemptList PidFile Port PrintLastLog PrintMotd PubkeyAcceptedAlgorithms+
PubkeyAuthentication+ PubkeyAuthOptions+ RDomain+ RefuseConnection+ RekeyLimit+ RequiredRSASize+ RevokedKeys+ SecurityKeyProvider
SetEnv+ SshdAuthPath SshdSessionPath StreamLocalBindMask+ StreamLocalBindUnlink+ StrictModes Subsystem+ SyslogFacility TCPKeepAlive
TrustedUserCAKeys+ UnusedConnectionTimeout+ UseDNS UsePAM VersionAddendum X11DisplayOffset+ X11Forwarding+ X11UseLocalhost+
XAuthLocation`.split(/\s+/);

test('every keyword of OpenSSH is known, once, and Match may set what it may there', () => {
  const keys = Object.keys(serverKeywords) as ServerKeyword[];
  assert.equal(new Set(keys.map((key) => serverRow(key).name.toLowerCase())).size, keys.length);
  const known = keys
    .filter((key) => !ownKeywords.has(key))
    .map((key) => `${serverRow(key).name}${serverRow(key).mayMatch ? '+' : ''}`);
  assert.deepEqual(known.sort(), [...openSshKeywords].sort());
  for (const old of ['KeepAlive', 'HostDSAKey', 'ChallengeResponseAuthentication', 'PubkeyAcceptedKeyTypes']) {
    assert.ok(findServerKeyword(old) !== undefined, old);
  }
});

test('keywords of ours: read, refused where they are wrong, and dumped where they were given', () => {
  const lines = [
    'controlsocket none',
    'metricslisten [::1]:9422',
    'recordsessions commands',
    'recordfolder /var/log/sessions/%u/%Y-%m-%d',
    'recordinput yes',
    'recordlimit 1048576',
    'recordfailure continue',
  ];
  const { settings } = readText(lines.join('\n'));
  assert.deepEqual(settings.metricsListen, { host: '::1', port: 9422 });
  assert.deepEqual(settingsOf('MetricsListen /run/x.sock').metricsListen, { path: '/run/x.sock' });
  assert.deepEqual([settings.recordLimit, settingsOf('RecordLimit 1M').recordLimit], [1048576, 1048576]);
  assert.deepEqual(
    [settings.controlSocket, settingsOf().controlSocket, settingsOf('ControlSocket c').controlSocket],
    [undefined, 'default', '/cwd/c'],
  );
  const dumped = dumpServerConfig(settings);
  for (const line of lines) assert.ok(dumped.includes(line), line);
  assert.equal(dumpServerConfig(settingsOf()).filter((line) => /^(record|metrics|controls)/.test(line)).length, 0);
  for (const bad of ['MetricsListen 9422', 'MetricsListen ::1:99', 'MetricsListen a:0', 'MetricsListen a:70000']) {
    assert.match(complaintsOf(bad)[0] ?? '', /MetricsListen wants address:port/, bad);
  }
  assert.match(complaintsOf('RecordFolder log')[0] ?? '', /must be an absolute path/);
  assert.match(complaintsOf('RecordFolder /log/%k')[0] ?? '', /unknown key %k/);
  assert.match(complaintsOf('RecordSessions maybe')[0] ?? '', /unsupported option/);
  assert.match(complaintsOf('Match all\nMetricsListen none\nMatch user x\nControlSocket none').join(), /not allowed/);
});

test('words of old, and of other builds, are accepted with a warning', () => {
  const lines = ['Protocol 2', 'UsePrivilegeSeparation yes', 'GSSAPIKeyExchange no', 'DebianBanner no'];
  assert.deepEqual(readText(lines.join('\n')).warnings, [
    'main line 1: Deprecated option Protocol',
    'main line 2: Deprecated option UsePrivilegeSeparation',
    'main line 3: Unsupported option GSSAPIKeyExchange',
    'main line 4: Unsupported option DebianBanner',
  ]);
  assert.equal(judgePastKeyword('nonsense'), undefined);
});

test('what silence would weaken stops the server; what it would not is a warning', () => {
  for (const line of ['RDomain x', 'Match User x\nRDomain %D']) {
    assert.match(complaintsOf(line)[0] ?? '', /setting RDomain not supported on this platform\.$/, line);
  }
  for (const line of ['RDomain none', 'GSSAPIAuthentication no', 'X11Forwarding no', 'PerSourcePenalties yes']) {
    assert.deepEqual(readText(line).warnings, [], line);
  }
  for (const line of ['KerberosAuthentication yes', 'Match all\nGSSAPIAuthentication yes', 'SecurityKeyProvider /x']) {
    assert.equal(readText(line).warnings.length, 1, line);
  }
  // A line that does not count asks for nothing.
  assert.deepEqual(readText('RDomain x', {}, { options: ['RDomain=none'] }).warnings, []);
  const taken = readText('RDomain x', {}, { acceptUnserved: true });
  assert.equal(taken.settings.rdomain, 'x');
});

test('a dump of nothing names every keyword with a default, and nothing that is refused', () => {
  const lines = dumpServerConfig(readText('').settings);
  assert.deepEqual(lines.slice(0, 4), [
    'port 22',
    'addressfamily any',
    'listenaddress [::]:22',
    'listenaddress 0.0.0.0:22',
  ]);
  const again = readText(lines.join('\n'));
  assert.deepEqual(again.warnings, []);
  assert.deepEqual(dumpServerConfig(again.settings), lines);
  const withKeys = dumpServerConfig(readText('AddressFamily inet6\nPort 1\nPort 2').settings, {
    defaultHostKeys: ['/a b'],
  });
  assert.ok(withKeys.includes('hostkey /a b'));
  assert.deepEqual(
    withKeys.filter((line) => line.startsWith('listen')),
    ['listenaddress [::]:1', 'listenaddress [::]:2'],
  );
});
