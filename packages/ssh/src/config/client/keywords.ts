/** Every keyword of ssh_config (ssh_config(5)), in the order in which `ssh -G` prints them. */
import {
  algorithms,
  choice,
  command,
  eachLine,
  flag,
  integer,
  type KeywordRow,
  list,
  port,
  seconds,
  text,
  unserved,
  yesNo,
} from '../values.ts';
import { forwards } from './forward-rows.ts';
import * as special from './special-values.ts';
import { tunnelDevice } from './tunnel-device.ts';

const noKerberos = 'Kerberos is not used here';
const gssapi = (name: string, initial: boolean): KeywordRow<boolean> => unserved(flag(name, initial), noKerberos);

/** Files and forwards that one configuration may name. */
const maxFiles = 100;

/** The keywords under the names that programs use for them. */
export const clientKeywords = {
  user: text('User'),
  hostName: text('Hostname'),
  port: port('Port', 22),

  addressFamily: choice('AddressFamily', 'any', [
    ['inet', 'inet'],
    ['inet6', 'inet6'],
    ['any', 'any'],
  ]),
  batchMode: flag('BatchMode', false),
  canonicalizeFallbackLocal: flag('CanonicalizeFallbackLocal', true),
  canonicalizeHostname: choice('CanonicalizeHostname', 'no', [...yesNo, ['none', 'no'], ['always', 'always']]),
  checkHostIp: flag('CheckHostIP', false),
  compression: flag('Compression', false),
  controlMaster: choice('ControlMaster', 'no', [...yesNo, ['auto', 'auto'], ['ask', 'ask'], ['autoask', 'autoask']]),
  enableSshKeysign: flag('EnableSSHKeysign', false),
  clearAllForwardings: flag('ClearAllForwardings', false),
  exitOnForwardFailure: flag('ExitOnForwardFailure', false),
  fingerprintHash: choice('FingerprintHash', 'sha256', [
    ['SHA256', 'sha256'],
    ['sha256', 'sha256'],
    ['MD5', 'md5'],
    ['md5', 'md5'],
  ]),
  forwardX11: flag('ForwardX11', false),
  forwardX11Trusted: flag('ForwardX11Trusted', false),
  gatewayPorts: flag('GatewayPorts', false),
  gssapiAuthentication: gssapi('GSSAPIAuthentication', false),
  gssapiDelegateCredentials: gssapi('GSSAPIDelegateCredentials', false),
  hashKnownHosts: flag('HashKnownHosts', false),
  hostbasedAuthentication: flag('HostbasedAuthentication', false),
  identitiesOnly: flag('IdentitiesOnly', false),
  kbdInteractiveAuthentication: flag('KbdInteractiveAuthentication', true),
  noHostAuthenticationForLocalhost: flag('NoHostAuthenticationForLocalhost', false),
  passwordAuthentication: flag('PasswordAuthentication', true),
  permitLocalCommand: flag('PermitLocalCommand', false),
  proxyUseFdpass: flag('ProxyUseFdpass', false),
  pubkeyAuthentication: choice('PubkeyAuthentication', 'yes', [
    ...yesNo,
    ['unbound', 'unbound'],
    ['host-bound', 'host-bound'],
  ]),
  requestTty: choice('RequestTTY', 'auto', [...yesNo, ['force', 'force'], ['auto', 'auto']]),
  sessionType: choice('SessionType', 'default', [
    ['none', 'none'],
    ['subsystem', 'subsystem'],
    ['default', 'default'],
  ]),
  stdinNull: flag('StdinNull', false),
  forkAfterAuthentication: flag('ForkAfterAuthentication', false),
  streamLocalBindUnlink: flag('StreamLocalBindUnlink', false),
  strictHostKeyChecking: choice('StrictHostKeyChecking', 'ask', [
    ...yesNo,
    ['ask', 'ask'],
    ['off', 'no'],
    ['accept-new', 'accept-new'],
  ]),
  tcpKeepAlive: flag('TCPKeepAlive', true),
  tunnel: choice('Tunnel', 'no', [
    ['ethernet', 'ethernet'],
    ['point-to-point', 'point-to-point'],
    ['false', 'no'],
    ['true', 'point-to-point'],
    ['yes', 'point-to-point'],
    ['no', 'no'],
  ]),
  verifyHostKeyDns: choice('VerifyHostKeyDNS', 'no', [...yesNo, ['ask', 'ask']]),
  visualHostKey: flag('VisualHostKey', false),
  updateHostKeys: choice('UpdateHostKeys', 'yes', [...yesNo, ['ask', 'ask']]),
  enableEscapeCommandline: flag('EnableEscapeCommandline', false),
  warnWeakCrypto: choice('WarnWeakCrypto', 'yes', [...yesNo, ['no-pq-kex', 'no-pq-kex']]),

  canonicalizeMaxDots: integer('CanonicalizeMaxDots', 1, 0),
  connectionAttempts: integer('ConnectionAttempts', 1, 1),
  forwardX11TimeoutSeconds: seconds('ForwardX11Timeout', 1200),
  numberOfPasswordPrompts: integer('NumberOfPasswordPrompts', 3, 0),
  serverAliveCountMax: integer('ServerAliveCountMax', 3, 0),
  serverAliveIntervalSeconds: seconds('ServerAliveInterval', 0),
  // OpenSSH takes 1024 bits, which can be broken today.
  requiredRsaSize: integer('RequiredRSASize', 2048, 0),
  obscureKeystrokeTimingMs: special.obscureKeystrokeTiming,

  bindAddress: text('BindAddress'),
  bindInterface: text('BindInterface'),
  ciphers: algorithms('Ciphers'),
  controlPath: text('ControlPath'),
  hostKeyAlgorithms: algorithms('HostKeyAlgorithms'),
  hostKeyAlias: text('HostKeyAlias'),
  hostbasedAcceptedAlgorithms: algorithms('HostbasedAcceptedAlgorithms'),
  identityAgent: special.identityAgent,
  ignoreUnknown: text('IgnoreUnknown'),
  kbdInteractiveDevices: text('KbdInteractiveDevices'),
  kexAlgorithms: algorithms('KexAlgorithms'),
  caSignatureAlgorithms: algorithms('CASignatureAlgorithms'),
  localCommand: command('LocalCommand'),
  remoteCommand: command('RemoteCommand'),
  logLevel: special.logLevel,
  macs: algorithms('MACs'),
  pkcs11Provider: unserved(text('PKCS11Provider'), 'PKCS#11 libraries are not loaded here'),
  securityKeyProvider: unserved(text('SecurityKeyProvider'), 'FIDO devices are reached through an agent'),
  preferredAuthentications: text('PreferredAuthentications'),
  pubkeyAcceptedAlgorithms: algorithms('PubkeyAcceptedAlgorithms'),
  revokedHostKeys: list('RevokedHostKeys', []),
  xauthLocation: text('XAuthLocation'),
  knownHostsCommand: command('KnownHostsCommand'),
  tag: text('Tag'),
  versionAddendum: command('VersionAddendum'),
  refuseConnection: special.refuseConnection,

  dynamicForward: forwards('DynamicForward', 'dynamic'),
  localForward: forwards('LocalForward', 'local'),
  remoteForward: forwards('RemoteForward', 'remote'),

  identityFile: eachLine('IdentityFile', maxFiles),
  canonicalDomains: special.canonicalDomains,
  certificateFile: eachLine('CertificateFile', maxFiles),
  globalKnownHostsFile: list('GlobalKnownHostsFile', ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']),
  userKnownHostsFile: list('UserKnownHostsFile', ['~/.ssh/known_hosts', '~/.ssh/known_hosts2']),
  sendEnv: special.sendEnv,
  setEnv: special.setEnv,
  logVerbose: list('LogVerbose', [], 'none'),
  channelTimeout: special.channelTimeout,

  permitRemoteOpen: special.permitRemoteOpen,
  addKeysToAgent: special.addKeysToAgent,
  forwardAgent: special.forwardAgent,
  connectTimeoutSeconds: special.connectTimeout,
  tunnelDevice,
  canonicalizePermittedCnames: special.canonicalizePermittedCnames,
  controlPersist: special.controlPersist,
  escapeChar: special.escapeChar,
  ipQos: special.ipQos,
  rekeyLimit: special.rekeyLimit,
  streamLocalBindMask: special.streamLocalBindMask,
  syslogFacility: special.syslogFacility,
  proxyCommand: command('ProxyCommand'),
  proxyJump: special.proxyJump,
} as const;

type Keywords = typeof clientKeywords;
export type ClientKeyword = keyof Keywords;
type ValueOf<Row> = Row extends KeywordRow<infer T> ? T : never;

/** What ssh can be told; every value is there, by file, by flag or by default. */
export type ClientSettings = { readonly [Name in ClientKeyword]: ValueOf<Keywords[Name]> };

/** Two names for one thing: of jump hosts and a program the one counts that was said first. */
export const rivals: Readonly<Partial<Record<ClientKeyword, ClientKeyword>>> = {
  proxyCommand: 'proxyJump',
  proxyJump: 'proxyCommand',
};

/** Names of old that mean a keyword of today. */
const aliases: Readonly<Record<string, ClientKeyword>> = {
  challengeresponseauthentication: 'kbdInteractiveAuthentication',
  skeyauthentication: 'kbdInteractiveAuthentication',
  tisauthentication: 'kbdInteractiveAuthentication',
  dsaauthentication: 'pubkeyAuthentication',
  identityfile2: 'identityFile',
  keepalive: 'tcpKeepAlive',
  pubkeyacceptedkeytypes: 'pubkeyAcceptedAlgorithms',
  hostbasedkeytypes: 'hostbasedAcceptedAlgorithms',
  smartcarddevice: 'pkcs11Provider',
};

/** Words that once meant something: accepted, and without effect. */
export const pastKeywords: ReadonlySet<string> = new Set(
  (
    'protocol cipher fallbacktorsh globalknownhostsfile2 rhostsauthentication userknownhostsfile2 useroaming usersh ' +
    'useprivilegedport afstokenpassing kerberosauthentication kerberostgtpassing rsaauthentication rhostsrsaauthentication ' +
    'compressionlevel gssapikeyexchange gssapitrustdns gssapirenewalforcesrekey gssapikexalgorithms'
  ).split(' '),
);

const byName = new Map<string, ClientKeyword>([
  ...(Object.keys(clientKeywords) as ClientKeyword[]).map((key): [string, ClientKeyword] => [
    clientKeywords[key].name.toLowerCase(),
    key,
  ]),
  ...Object.entries(aliases),
]);

/** The key of a keyword, by any of its names, in any case. */
export function findClientKeyword(name: string): ClientKeyword | undefined {
  return byName.get(name.toLowerCase());
}

/** The rows as the reader sees them: it moves values without knowing their types. */
export function clientRow(key: ClientKeyword): KeywordRow<unknown> {
  return clientKeywords[key] as KeywordRow<unknown>;
}
