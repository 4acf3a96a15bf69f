/** `ssh -G` for 200 configurations, field by field beside OpenSSH's; and what it prints, read back. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, missing, nacreProgram, openSshProgram, runProgram } from '../harness/index.ts';

const skip = missing('nacre:ssh', 'ssh');
const folder = makeFolder('ssh-config');
const ours = nacreProgram('ssh');

/** Sound values for every keyword that OpenSSH 9.2 knows, except the lists of algorithms. */
const samples: Readonly<Record<string, readonly string[]>> = {
  AddKeysToAgent: ['yes', 'no', 'ask', 'confirm', '5m', 'confirm 1h'],
  AddressFamily: ['any', 'inet', 'inet6'],
  BatchMode: ['yes', 'no'],
  BindAddress: ['127.0.0.1'],
  BindInterface: ['lo'],
  CanonicalDomains: ['a.example b.example', 'none'],
  CanonicalizeFallbackLocal: ['yes', 'no'],
  CanonicalizeMaxDots: ['0', '3'],
  // Others would have the names looked up, which no DNS knows here.
  CanonicalizePermittedCNAMEs: ['none'],
  CertificateFile: ['/c/one-cert.pub', '~/.ssh/two-cert.pub'],
  CheckHostIP: ['yes', 'no'],
  ClearAllForwardings: ['yes', 'no'],
  Compression: ['yes', 'no'],
  ConnectionAttempts: ['1', '7'],
  ConnectTimeout: ['10', '1m30s', 'none'],
  ControlMaster: ['no', 'auto', 'ask', 'autoask', 'yes'],
  ControlPersist: ['yes', 'no', '10m', '30'],
  DynamicForward: ['1080', '127.0.0.1:1081', '[::1]:1082'],
  EnableEscapeCommandline: ['yes', 'no'],
  EnableSSHKeysign: ['yes', 'no'],
  EscapeChar: ['none', '~', '%'],
  ExitOnForwardFailure: ['yes', 'no'],
  FingerprintHash: ['md5', 'SHA256'],
  // yes and subsystem need a command.
  ForkAfterAuthentication: ['no'],
  ForwardAgent: ['yes', 'no'],
  ForwardX11: ['yes', 'no'],
  ForwardX11Timeout: ['0', '1h'],
  ForwardX11Trusted: ['yes', 'no'],
  GatewayPorts: ['yes', 'no'],
  GlobalKnownHostsFile: ['/g/known', '/g/one /g/two'],
  HashKnownHosts: ['yes', 'no'],
  HostbasedAuthentication: ['yes', 'no'],
  HostKeyAlias: ['alias.example'],
  Hostname: ['%h.example', '192.0.2.7', 'UPPER.example'],
  IdentitiesOnly: ['yes', 'no'],
  IdentityAgent: ['none', 'SSH_AUTH_SOCK'],
  IdentityFile: ['~/.ssh/a', '/k/b', '%d/c', 'none'],
  IgnoreUnknown: ['UseKeychain,Fancy*'],
  KbdInteractiveAuthentication: ['yes', 'no'],
  KbdInteractiveDevices: ['pam', 'a,b'],
  KnownHostsCommand: ['/bin/true %H'],
  LocalCommand: ['echo "two  words" # and more'],
  // A path as target is printed by theirs as a DynamicForward, too.
  LocalForward: ['8080 localhost:80', '127.0.0.1:8081 [2001:db8::1]:81', '/tmp/s localhost:82'],
  LogLevel: ['QUIET', 'error', 'verbose', 'DEBUG', 'debug3'],
  NoHostAuthenticationForLocalhost: ['yes', 'no'],
  NumberOfPasswordPrompts: ['0', '5'],
  PasswordAuthentication: ['yes', 'no'],
  PermitLocalCommand: ['yes', 'no'],
  PermitRemoteOpen: ['any', 'none', 'a:1 b:*'],
  Port: ['22', '2222'],
  PreferredAuthentications: ['publickey', 'password,publickey'],
  ProxyUseFdpass: ['yes', 'no'],
  PubkeyAuthentication: ['yes', 'no', 'unbound', 'host-bound'],
  RekeyLimit: ['default none', '1G', '500M 1h', '0 30'],
  RemoteCommand: ['uptime -p', 'echo "a  b"'],
  RemoteForward: ['9000 localhost:90', '*:9001 a:91', '/tmp/r localhost:92'],
  RequestTTY: ['yes', 'no', 'force', 'auto'],
  RequiredRSASize: ['2048', '4096'],
  RevokedHostKeys: ['/r/keys'],
  SendEnv: ['LANG LC_*', 'X -LANG', 'Y'],
  ServerAliveCountMax: ['0', '9'],
  ServerAliveInterval: ['15', '1m'],
  SessionType: ['none', 'default'],
  SetEnv: ['A=b', 'C=d'],
  StdinNull: ['yes', 'no'],
  StreamLocalBindMask: ['0177', '077'],
  StreamLocalBindUnlink: ['yes', 'no'],
  StrictHostKeyChecking: ['yes', 'no', 'ask', 'accept-new', 'off'],
  SyslogFacility: ['LOCAL3', 'auth'],
  TCPKeepAlive: ['yes', 'no'],
  Tunnel: ['no', 'yes', 'ethernet', 'point-to-point'],
  TunnelDevice: ['any', '1', '2:any'],
  UpdateHostKeys: ['yes', 'no', 'ask'],
  User: ['alice', 'bob'],
  UserKnownHostsFile: ['/u/known', '~/.ssh/known', '/u/one /u/two'],
  VerifyHostKeyDNS: ['yes', 'no', 'ask'],
  VisualHostKey: ['yes', 'no'],
};

const blocks = [
  'Host *',
  'Host box',
  'Host !box *',
  'Host other',
  'Host b?x',
  'Match all',
  'Match host box*',
  'Match originalhost box user alice',
  'Match !user alice',
  'Match localuser nobody',
  'Match exec "true"',
  'Match exec "test %n = box"',
  'Match exec "false"',
  'Match final',
  'Match canonical',
];

/** What is not compared, and why. */
const passedOver: Readonly<Record<string, string>> = {
  ciphers: 'lists of algorithms are those of each program',
  macs: 'as ciphers',
  kexalgorithms: 'as ciphers',
  hostkeyalgorithms: 'as ciphers',
  pubkeyacceptedalgorithms: 'as ciphers',
  hostbasedacceptedalgorithms: 'as ciphers',
  casignaturealgorithms: 'as ciphers',
  gssapikeyexchange: "Debian's own",
  gssapitrustdns: "Debian's own",
  gssapirenewalforcesrekey: "Debian's own",
  gssapikexalgorithms: "Debian's own",
  xauthlocation: 'where Debian has it',
  securitykeyprovider: 'FIDO devices are reached through an agent here',
  obscurekeystroketiming: 'newer than 9.2',
  channeltimeout: 'newer than 9.2',
  warnweakcrypto: 'newer than 9.2',
  syslogfacility: 'OpenSSH takes it from blocks that do not apply, too',
  streamlocalbindmask: 'OpenSSH takes it from blocks that do not apply, too',
};

/** Lines of 9.2 that mean what ours say: defaults that changed since, and forms that do not read back as they were. */
const sameMeaning: readonly (readonly [theirs: RegExp, ours: string])[] = [
  [/^forwardx11trusted yes$/, 'forwardx11trusted no'],
  [/^ipqos lowdelay throughput$/, 'ipqos ef none'],
  [/^requiredrsasize 1024$/, 'requiredrsasize 2048'],
  [/^versionaddendum ?$/, 'versionaddendum none'],
];

/** Keywords whose default differs are compared only where the file says something. */
const defaultsDiffer: Readonly<Record<string, string>> = {
  forwardx11trusted: 'ForwardX11Trusted',
  ipqos: 'IPQoS',
  requiredrsasize: 'RequiredRSASize',
  identityfile: 'IdentityFile',
  serveraliveinterval: 'ServerAliveInterval',
};

function fields(text: string, file: string): Map<string, string> {
  const found = new Map<string, string[]>();
  for (const line of text.trim().split('\n')) {
    const [, keyword = '', value = ''] = /^(\S+) ?(.*)$/.exec(line) ?? [];
    const name = keyword.toLowerCase();
    if (Object.hasOwn(passedOver, name)) continue;
    const said = defaultsDiffer[name];
    if (said !== undefined && !new RegExp(`^\\s*${said}\\b`, 'im').test(file)) continue;
    // Default identities of kinds that nacre does not have.
    if (/^identityfile .*id_(?:xmss|dsa)$/.test(line)) continue;
    const same = sameMeaning.find(([theirs]) => theirs.test(line.toLowerCase()));
    const own = same === undefined ? value : same[1].slice(name.length + 1);
    const before = found.get(name) ?? [];
    // Reading the files a second time adds to SendEnv once more in theirs.
    if (!before.includes(own)) found.set(name, [...before, own]);
  }
  // SetEnv: theirs has a line for each, of which only the first would be read back.
  const joined = new Map<string, string>();
  for (const [name, values] of found) joined.set(name, values.join(name === 'setenv' ? ' ' : '\n'));
  return joined;
}

/** The same numbers in every run. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Values = Readonly<Record<string, readonly string[]>>;

function configuration(random: (below: number) => number, values: Values, heads: readonly string[]): string {
  const names = Object.keys(values);
  const lines: string[] = [];
  for (let at = 0; at < 12; at++) {
    if (random(4) === 0) lines.push(heads[random(heads.length)] as string);
    const name = names[random(names.length)] as string;
    const own = values[name] as readonly string[];
    lines.push(`  ${name}${random(5) === 0 ? '=' : ' '}${own[random(own.length)]}`);
  }
  return `${lines.join('\n')}\n`;
}

const dump = async (program: string, file: string) => {
  const env = { SSH_AUTH_SOCK: undefined, NACRE_TEST: 'value' };
  const result = await runProgram([program, '-G', '-F', file, 'box'], { env });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.toString();
};

async function compare(program: string, rounds: number, values: Values, heads: readonly string[]): Promise<void> {
  const random = makeRandom(20);
  const file = join(folder, 'config');
  const again = join(folder, 'again');
  const differences: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const text = configuration(random, values, heads);
    writeFileSync(file, text);
    const [expected, actual] = await Promise.all([dump(program, file), dump(ours, file)]);
    const theirs = fields(expected, text);
    const own = fields(actual, text);
    for (const name of new Set([...theirs.keys(), ...own.keys()])) {
      if (own.get(name) === theirs.get(name)) continue;
      differences.push(`${name}: ${own.get(name)}, and theirs ${theirs.get(name)}, of:\n${text}`);
    }
    if (round % 10 !== 0) continue;
    writeFileSync(again, actual.replace(/^host .*\n/, ''));
    assert.equal(await dump(ours, again), actual, text);
  }
  assert.deepEqual(differences, []);
}

test('200 configurations, field by field; read back, the dump is the same', { skip }, async () => {
  await compare(openSshProgram('ssh'), 200, samples, blocks);
});

const variable = `\${NACRE_TEST}`;

/** What OpenSSH 10 added: keywords, criteria, and tokens where there were none. */
const newSamples: Values = {
  CanonicalizeHostname: ['yes', 'no', 'always'],
  CanonicalizeMaxDots: ['0'],
  Compression: ['yes'],
  HostKeyAlias: ['Alias.Example'],
  Hostname: ['%h.example', '192.0.2.7'],
  IdentityAgent: ['$NACRE_TEST', '/run/%u'],
  LocalForward: [`/tmp/%h-${variable} localhost:82`],
  LogVerbose: ['none'],
  Port: ['2222', '2223'],
  ProxyCommand: ['nc %h %p', 'none', 'echo "a  b" # and more'],
  ProxyJump: ['jump', 'none', 'ann@a:22,b', 'jump # a remark', '[::1]:22'],
  RemoteForward: ['/tmp/r%p localhost:92', '9000 /tmp/%u'],
  SetEnv: [`A=${variable}-%h`, 'B=c'],
  Tag: ['work', 'home'],
  User: ['alice', '%u-%h', variable],
  UserKnownHostsFile: [`~/${variable} %d/known`, '/u/%h'],
  VersionAddendum: ['some words', 'none'],
};
const newBlocks: readonly string[] = [
  ...blocks,
  'Match tagged work',
  'Match !tagged work',
  'Match tagged ""',
  'Match sessiontype shell',
  'Match command ""',
  'Match localnetwork 127.0.0.0/8',
  'Match version *',
  'Match final host 192.0.2.7',
  'Host *.example',
  'Match host *.example originalhost box',
];

const skipNew = skip || missing('openssh-10');
test('what OpenSSH 10 added: the same for 60 configurations', { skip: skipNew }, async () => {
  await compare(openSshProgram('ssh', '10.0'), 60, newSamples, newBlocks);
});
