import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { dumpClientConfig } from './dump.ts';
import { type ClientKeyword, clientKeywords, clientRow, findClientKeyword } from './keywords.ts';
import type { ClientDraft, ReadEvent } from './read.ts';
import { type ClientConfigRequest, resolveClientConfig } from './resolve.ts';
import type { ClientConfig } from './settled.ts';
import type { ConfigSystem } from './system.ts';

const home = '/home/alice';

function systemOf(files: Readonly<Record<string, string>>, changes: Partial<ConfigSystem> = {}): ConfigSystem {
  return {
    readFile: (path) => files[path],
    expandGlob: (pattern) => {
      const stem = pattern.replace(/\*$/, '');
      return Object.keys(files).filter((path) => (pattern.endsWith('*') ? path.startsWith(stem) : path === pattern));
    },
    runCommand: (command) => (command === 'true' ? 0 : 1),
    localAddresses: () => ['192.0.2.7', '::1'],
    environment: { NAME: 'value' },
    localUser: 'alice',
    localUserId: '1000',
    home,
    localHostName: 'laptop.example.com',
    ...changes,
  };
}

function resolve(
  text: string,
  request: Partial<ClientConfigRequest> = {},
  system = systemOf({}),
): Promise<ClientConfig> {
  const { readFile } = system;
  const options = { checkOwner: false, named: true };
  return resolveClientConfig(
    { host: 'db1', configFile: '/c', ...request },
    { ...system, readFile: (path) => (path === '/c' ? text : readFile(path, options)) },
  );
}

function bad(pattern: RegExp) {
  return (error: unknown) => error instanceof SshError && error.stage === 'config' && pattern.test(error.message);
}

test('each keyword has one row, found by any case', () => {
  const keys = Object.keys(clientKeywords) as ClientKeyword[];
  const names = keys.map((key) => clientRow(key).name.toLowerCase());
  assert.equal(new Set(names).size, names.length);
  for (const key of keys) assert.equal(findClientKeyword(clientRow(key).name.toUpperCase()), key);
  assert.equal(findClientKeyword('constructor'), undefined);
  assert.equal(findClientKeyword('PubkeyAcceptedKeyTypes'), 'pubkeyAcceptedAlgorithms');
});

test('flags outweigh -o, which outweighs the person, who outweighs the system', async () => {
  const system = systemOf({
    [`${home}/.ssh/config`]: 'Port 3\nUser u3\nCompression yes\nIdentityFile a',
    '/etc/ssh/ssh_config': 'Port 4\nUser u4\nCompression no\nBatchMode yes\nIdentityFile b\nIdentityFile a',
  });
  const config = await resolveClientConfig(
    { host: 'h', given: { port: 1 }, commandLine: ['User=u2', 'port 2'] },
    system,
  );
  assert.equal(config.settings.port, 1);
  assert.equal(config.user, 'u2');
  assert.equal(config.settings.compression, true);
  assert.equal(config.settings.batchMode, true);
  assert.deepEqual(config.settings.identityFile, ['a', 'b']);
  assert.deepEqual(config.origins.get('batchMode'), [{ file: '/etc/ssh/ssh_config', line: 4 }]);
  assert.deepEqual(config.origins.get('port'), [{ file: 'command-line', line: 0 }]);
  assert.equal(config.origins.has('ciphers'), false);
});

test('Host blocks: patterns, negation, the name as typed', async () => {
  const text = 'Host db* !db2\nPort 1\nHost *\nPort 2\nUser all';
  assert.equal((await resolve(text)).settings.port, 1);
  assert.equal((await resolve(text, { host: 'db2' })).settings.port, 2);
  assert.equal((await resolve(text, { host: 'DB1' })).settings.port, 1);
  assert.equal((await resolve('Host !db2\nPort 1', { host: 'db1' })).settings.port, 22);
});

test('every Match criterion, and its negation', async () => {
  const criteria: readonly (readonly [line: string, expected: boolean])[] = [
    ['all', true],
    ['host db1', true],
    ['host=db*', true],
    ['originalhost db1,x', true],
    ['user bob', false],
    ['user alice', true],
    ['localuser alice', true],
    ['localnetwork 192.0.2.0/24', true],
    ['localnetwork 10.0.0.0/8', false],
    ['exec true', true],
    ['exec false', false],
    ['tagged ""', true],
    ['tagged x', false],
    ['command uptime', true],
    ['command ""', false],
    ['sessiontype exec', true],
    ['sessiontype shell', false],
    ['version nacre_*', true],
    ['host db1 user alice', true],
    ['host db1 user bob', false],
    ['canonical', false],
    ['canonical all', false],
  ];
  for (const [line, expected] of criteria) {
    const request = { command: 'uptime' };
    const { settings } = await resolve(`Match ${line}\nPort 1`, request);
    assert.equal(settings.port === 1, expected, line);
    if (/^(all|canonical)/.test(line) || line.split(' ').length > 2) continue;
    const negated = await resolve(`Match !${line}\nPort 1`, request);
    assert.equal(negated.settings.port === 1, !expected, `!${line}`);
  }
  for (const line of ['', 'host', 'all user x', 'user x all', 'nonsense x', 'localnetwork x/y']) {
    await assert.rejects(resolve(`Match ${line}\nPort 1`), bad(/terminating, 1 bad/), line);
  }
});

test('Match host sees the name after Hostname; commands behind a criterion that failed are not run', async () => {
  const { settings, host } = await resolve('Hostname %h.example.com\nMatch host *.example.com\nPort 1');
  assert.equal(host, 'db1.example.com');
  assert.equal(settings.port, 1);
  const ran: string[] = [];
  const system = systemOf({}, { runCommand: (command) => ran.push(command) - ran.length });
  await resolve('Match user bob exec "never %h"\nMatch exec "once %n-%p-%r"\nPort 1', {}, system);
  assert.deepEqual(ran, ['once db1-22-alice']);
});

test('Match final asks for a second pass, in which it applies; values stay what they were', async () => {
  const { settings } = await resolve('Match final\nPort 1\nUser late\nMatch all\nUser early');
  assert.equal(settings.port, 1);
  assert.equal(settings.user, 'early');
});

test('canonical names: the files are read again for the new name', async () => {
  const canonicalize = (name: string) => Promise.resolve(`${name}.example.com`);
  const text = 'CanonicalizeHostname yes\nHost db1.example.com\nPort 1\nMatch canonical\nUser c';
  const { settings, host } = await resolve(text, { canonicalize });
  assert.equal(host, 'db1.example.com');
  assert.equal(settings.port, 1);
  assert.equal(settings.user, 'c');
  const proxied = await resolve(`ProxyJump j\n${text}`, { canonicalize });
  // The name is the jump host's to look up; the files are read again all the same.
  assert.deepEqual([proxied.host, proxied.settings.port, proxied.user], ['db1', 22, 'c']);
  assert.equal((await resolve(`ProxyJump none\n${text}`, { canonicalize })).host, 'db1.example.com');
});

test('in the second reading Host and HostName see the name as it was settled', async () => {
  const late = await resolve('Host db1\nHostname %h.c\nMatch final\nUser z\nHost db1.c\nPort 7');
  assert.deepEqual([late.host, late.user, late.settings.port], ['db1.c', 'z', 7]);
  assert.equal((await resolve('Match final\nHostname %h.x')).host, 'db1');
  assert.equal((await resolve('Hostname %h%h\nMatch final host db1db1\nPort 7')).settings.port, 7);
  const unchanged = await resolve('CanonicalizeHostname yes\nMatch canonical\nPort 7', {
    canonicalize: () => Promise.resolve(undefined),
  });
  assert.equal(unchanged.settings.port, 7);
});

test('domains that are none', async () => {
  const wrong = ['-c', 'a..b', 'a/b', 'none a', '.a'];
  for (const domain of wrong)
    await assert.rejects(resolve(`CanonicalDomains ${domain}`), bad(/terminating, 1/), domain);
  assert.deepEqual((await resolve('CanonicalDomains a_b.c d')).settings.canonicalDomains, ['a_b.c', 'd']);
  await assert.rejects(resolve('CanonicalizePermittedCNAMEs none a:b'), bad(/terminating, 1/));
});

test('Include: relative to ~/.ssh, wildcards, inside a block that does not apply, in a circle', async () => {
  const system = systemOf({
    [`${home}/.ssh/d/1`]: 'Port 1',
    [`${home}/.ssh/d/2`]: 'Port 2\nUser two',
    '/abs/value': 'Compression yes',
    '/circle': 'Include /circle /circle',
  });
  const { settings } = await resolve(`Include d/* /abs/$${'{NAME}'}\nInclude nothing`, {}, system);
  assert.deepEqual([settings.port, settings.user, settings.compression], [1, 'two', true]);
  assert.equal((await resolve('Host other\nInclude d/*', {}, system)).settings.port, 22);
  assert.equal((await resolve('Host other\nInclude d/1\nHost *\nUser u', {}, system)).settings.user, 'u');
  await assert.rejects(
    resolve('Include /circle', {}, system),
    bad(/^\/circle line 1: Too many recursive configuration includes/),
  );
  await assert.rejects(resolve('Include %z', {}, system), bad(/unknown key %z/));
  await assert.rejects(resolve('Include ~root/x', {}, system), bad(/terminating, 1 bad/));
});

test('wrong lines name file, line and keyword, all of them, and IgnoreUnknown passes some over', async () => {
  const events: ReadEvent[] = [];
  const onEvent = (event: ReadEvent) => void events.push(event);
  await assert.rejects(resolve('Port x\nNonsense 1\nUser "a', { onEvent }), bad(/^\/c: terminating, 3 bad/));
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'mistake').map(({ text }) => text),
    ["/c line 1: Bad port 'x'.", '/c: line 2: Bad configuration option: nonsense', '/c line 3: invalid quotes'],
  );
  const { settings } = await resolve('IgnoreUnknown non*,Use?eychain\nNonsense 1\nUseKeychain yes\nPort 7');
  assert.equal(settings.port, 7);
  await assert.rejects(resolveClientConfig({ host: 'h', configFile: '/none' }, systemOf({})), bad(/Can't open/));
});

test('the command line counts in its order, flags and -o alike', async () => {
  const flag = (draft: ClientDraft) => {
    draft.port ??= 2;
  };
  const first = await resolve('Port 9', { commandLine: ['Port 1', flag] });
  assert.equal(first.settings.port, 1);
  const second = await resolve('Port 9', { commandLine: [flag, 'Port 1'] });
  assert.equal(second.settings.port, 2);
  assert.deepEqual(second.origins.get('port'), [{ file: 'command-line', line: 0 }]);
  await assert.rejects(resolve('', { commandLine: ['Nonsense=1'] }), bad(/^command-line: line 0: Bad configuration/));
  await assert.rejects(resolve('', { commandLine: ['Port=x'] }), bad(/^command-line line 0: Bad port 'x'/));
});

test('every value of a list knows its own line: said twice, several in a line, taken away, read twice', async () => {
  const lines = async (text: string, key: ClientKeyword, request: Partial<ClientConfigRequest> = {}) =>
    (await resolve(text, request)).origins.get(key)?.map(({ line }) => line);
  assert.deepEqual(await lines('IdentityFile a\nIdentityFile a\nIdentityFile b\nMatch final', 'identityFile'), [1, 3]);
  assert.deepEqual(await lines('SendEnv A B\nSendEnv C -A\nSendEnv D', 'sendEnv'), [1, 2, 3]);
  assert.deepEqual(await lines('LocalForward 1 a:1\nLocalForward 2 a:2\nMatch final', 'localForward'), [1, 2]);
  const typed = (draft: ClientDraft) => {
    draft.identityFile = ['x', 'y'];
  };
  assert.deepEqual(await lines('IdentityFile z', 'identityFile', { commandLine: [typed] }), [0, 0, 1]);
});

test('User, SetEnv and sockets of forwards are expanded; a name that was typed is not', async () => {
  const env = `\${NAME}`;
  const { settings, user } = await resolve(`User %u-${env}-%h\nSetEnv A=${env} B=%r\nMatch user %u-*\nPort 5`);
  assert.deepEqual(
    [user, settings.user, settings.setEnv],
    ['alice-value-db1', 'alice-value-db1', ['A=value', 'B=alice-value-db1']],
  );
  assert.equal(settings.port, 5);
  const typed = await resolve('', { commandLine: [(draft: ClientDraft) => void Object.assign(draft, { user: '%u' })] });
  assert.equal(typed.user, '%u');
  const forwards = await resolve(`LocalForward /l/%p /t/${env}\nRemoteForward /r/%u %h:1\nLocalForward 1 /t/%n`);
  const sockets = [...forwards.settings.localForward, ...forwards.settings.remoteForward];
  assert.deepEqual(
    sockets.map(({ listen, target }) => [listen, target].map((end) => ('path' in end ? end.path : ''))),
    [
      ['/l/22', '/t/value'],
      ['', '/t/db1'],
      ['/r/alice', ''],
    ],
  );
  await assert.rejects(resolve('\nUser %r'), bad(/^\/c line 2: User: unknown key %r/));
  await assert.rejects(
    resolve('User a\nSetEnv A=1\nLocalForward /l/%z a:1'),
    bad(/^\/c line 3: LocalForward: unknown key %z/),
  );
  await assert.rejects(resolve('SetEnv A=\u0024{NONE}'), bad(/^\/c line 1: SetEnv: env var \$\{NONE\} has no value/));
});

test('what was expanded reads back as it is', async () => {
  const first = await resolve('User a%%b\nSetEnv A=50%%\nLocalForward /l/%% a:1');
  assert.deepEqual([first.user, first.settings.setEnv], ['a%b', ['A=50%']]);
  const text = dumpClientConfig(first).map((line) => line.text);
  assert.deepEqual((await resolve(text.join('\n'))).settings.localForward, first.settings.localForward);
  assert.equal((await resolve(text.join('\n'))).user, 'a%b');
});

test('an empty pattern and an agent that no variable can name', async () => {
  await assert.rejects(resolve('Host ""\nPort 1'), bad(/terminating, 1 bad/));
  await assert.rejects(resolve('IdentityAgent $A-B'), bad(/terminating, 1 bad/));
  assert.equal((await resolve('IdentityAgent $A_1')).settings.identityAgent, '$A_1');
});

test('UpdateHostKeys stays on only for the usual files', async () => {
  assert.equal((await resolve('')).settings.updateHostKeys, 'yes');
  assert.equal((await resolve('UserKnownHostsFile /x')).settings.updateHostKeys, 'no');
  assert.equal((await resolve('VerifyHostKeyDNS ask')).settings.updateHostKeys, 'no');
  assert.equal((await resolve('UserKnownHostsFile /x\nUpdateHostKeys ask')).settings.updateHostKeys, 'ask');
});

/** A sound value for every keyword, so that a row that is added is looked at here. */
const samples: Readonly<Partial<Record<ClientKeyword, string>>> = {
  user: 'bob',
  hostName: 'x.example.com',
  port: '2222',
  addressFamily: 'inet6',
  canonicalizeHostname: 'always',
  controlMaster: 'autoask',
  fingerprintHash: 'md5',
  pubkeyAuthentication: 'host-bound',
  requestTty: 'force',
  sessionType: 'subsystem',
  strictHostKeyChecking: 'accept-new',
  tunnel: 'ethernet',
  verifyHostKeyDns: 'ask',
  updateHostKeys: 'ask',
  warnWeakCrypto: 'no-pq-kex',
  canonicalizeMaxDots: '3',
  connectionAttempts: '2',
  forwardX11TimeoutSeconds: '1h',
  numberOfPasswordPrompts: '1',
  serverAliveCountMax: '5',
  serverAliveIntervalSeconds: '1m30s',
  requiredRsaSize: '3072',
  obscureKeystrokeTimingMs: 'interval:80',
  logLevel: 'debug3',
  refuseConnection: '"not today"',
  dynamicForward: '[::1]:1080',
  localForward: '80 [::1]:81',
  remoteForward: '/tmp/s localhost:1',
  canonicalDomains: 'a.b c.d',
  globalKnownHostsFile: '/a "/b c"',
  userKnownHostsFile: '/a "/b c"',
  revokedHostKeys: '/r /s',
  sendEnv: 'LANG',
  setEnv: 'A=b "C=d e"',
  logVerbose: 'a:*:1',
  channelTimeout: 'session=5m',
  permitRemoteOpen: 'a:1 b:*',
  addKeysToAgent: 'confirm 5m',
  forwardAgent: '/tmp/agent',
  connectTimeoutSeconds: '30',
  tunnelDevice: '1:any',
  canonicalizePermittedCnames: '*.a:*.b',
  controlPersist: '10m',
  escapeChar: '^A',
  ipQos: 'af21 0x10',
  rekeyLimit: '1G 1h',
  streamLocalBindMask: '077',
  syslogFacility: 'local3',
  ciphers: '+aes256-ctr',
  hostKeyAlgorithms: 'ssh-ed25519',
  hostbasedAcceptedAlgorithms: '-rsa*',
  kexAlgorithms: '^curve25519-sha256',
  caSignatureAlgorithms: 'ssh-ed25519',
  macs: 'hmac-sha2-256',
  pubkeyAcceptedAlgorithms: 'ssh-ed25519',
};

test('what is dumped, read back, is dumped the same, for every keyword', async () => {
  for (const key of Object.keys(clientKeywords) as ClientKeyword[]) {
    const { name, initial } = clientRow(key);
    const sample = samples[key] ?? (initial === true ? 'no' : initial === false ? 'yes' : 'some-word');
    const first = await resolve(`${name} ${sample}`);
    assert.notDeepEqual(first.settings[key], initial, `${name} ${sample} is not the default`);
    const dump = dumpClientConfig(first).map(({ text }) => text);
    const again = await resolve(dump.join('\n'));
    assert.deepEqual(withoutPlaces(again.settings[key]), withoutPlaces(first.settings[key]), name);
    assert.deepEqual(
      dumpClientConfig(again).map(({ text }) => text),
      dump,
      name,
    );
  }
});

/** Algorithm lists remember their line. */
function withoutPlaces(value: unknown): unknown {
  return value !== null && typeof value === 'object' && 'place' in value ? { ...value, place: undefined } : value;
}
