/** Every keyword of sshd_config (sshd_config(5)), in the order in which `sshd -T` prints them. */
import { ValueError } from '../place.ts';
import type { Given } from '../values.ts';
import * as own from './own-values.ts';
import { perSourcePenalties } from './penalties.ts';
import {
  algorithms,
  anywhere,
  count,
  eachFile,
  eachWord,
  file,
  flag,
  global,
  ignored,
  isNone,
  refused,
  restOfLine,
  type ServerRow,
  states,
  time,
  word,
} from './rows.ts';
import * as session from './session-values.ts';
import * as special from './special-values.ts';

const noGssapi = 'there is no GSSAPI login';
const noKerberos = 'there is no Kerberos login';
const noSuchProgram = 'there is no such program';

const forwarding = [
  ['yes', 'yes'],
  ['all', 'yes'],
  ['no', 'no'],
  ['remote', 'remote'],
  ['local', 'local'],
] as const;

/** The keywords under the names that programs use for them. */
export const serverKeywords = {
  port: global(special.ports),
  addressFamily: global(
    states('AddressFamily', 'any', [
      ['inet', 'inet'],
      ['inet6', 'inet6'],
      ['any', 'any'],
    ]),
  ),
  listenAddress: global(special.listenAddress),
  usePam: global(flag('UsePAM', false)),
  pamServiceName: anywhere(word('PAMServiceName', 'sshd')),
  loginGraceSeconds: global(time('LoginGraceTime', 120)),
  // Ours, as LogFormat is.
  drainSeconds: global(time('DrainTimeout', 0)),
  proxyProtocolFrom: global(session.proxyProtocolFrom),
  x11DisplayOffset: anywhere(count('X11DisplayOffset', 10)),
  maxAuthTries: anywhere(count('MaxAuthTries', 6)),
  maxSessions: anywhere(count('MaxSessions', 10)),
  clientAliveIntervalSeconds: anywhere(time('ClientAliveInterval', 0)),
  clientAliveCountMax: anywhere(count('ClientAliveCountMax', 3)),
  // OpenSSH's default is 1024, which the library refuses unless it is asked for.
  requiredRsaSize: anywhere(count('RequiredRSASize', 2048)),
  streamLocalBindMask: anywhere(special.streamLocalBindMask),
  unusedConnectionTimeoutSeconds: anywhere(special.unusedConnectionTimeout),

  permitRootLogin: anywhere(
    states('PermitRootLogin', 'prohibit-password', [
      ['without-password', 'prohibit-password'],
      ['prohibit-password', 'prohibit-password'],
      ['forced-commands-only', 'forced-commands-only'],
      ['yes', 'yes'],
      ['no', 'no'],
    ]),
  ),
  ignoreRhosts: anywhere(
    states('IgnoreRhosts', 'yes', [
      ['yes', 'yes'],
      ['no', 'no'],
      ['shosts-only', 'shosts-only'],
    ]),
  ),
  ignoreUserKnownHosts: global(flag('IgnoreUserKnownHosts', false)),
  hostbasedAuthentication: anywhere(flag('HostbasedAuthentication', false)),
  hostbasedUsesNameFromPacketOnly: anywhere(flag('HostbasedUsesNameFromPacketOnly', false)),
  pubkeyAuthentication: anywhere(flag('PubkeyAuthentication', true)),
  kerberosAuthentication: ignored(anywhere(flag('KerberosAuthentication', false)), noKerberos),
  kerberosOrLocalPasswd: ignored(global(flag('KerberosOrLocalPasswd', true)), noKerberos),
  kerberosTicketCleanup: ignored(global(flag('KerberosTicketCleanup', true)), noKerberos),
  kerberosGetAfsToken: ignored(global(flag('KerberosGetAFSToken', false)), noKerberos),
  gssapiAuthentication: ignored(anywhere(flag('GSSAPIAuthentication', false)), noGssapi),
  gssapiCleanupCredentials: ignored(global(flag('GSSAPICleanupCredentials', true)), noGssapi),
  gssapiDelegateCredentials: ignored(global(flag('GSSAPIDelegateCredentials', true)), noGssapi),
  gssapiStrictAcceptorCheck: ignored(global(flag('GSSAPIStrictAcceptorCheck', true)), noGssapi),
  passwordAuthentication: anywhere(flag('PasswordAuthentication', true)),
  kbdInteractiveAuthentication: anywhere(flag('KbdInteractiveAuthentication', true)),
  printMotd: global(flag('PrintMotd', true)),
  printLastLog: global(flag('PrintLastLog', true)),
  x11Forwarding: anywhere(flag('X11Forwarding', false)),
  x11UseLocalhost: anywhere(flag('X11UseLocalhost', true)),
  permitTty: anywhere(flag('PermitTTY', true)),
  permitUserRc: anywhere(flag('PermitUserRC', true)),
  strictModes: global(flag('StrictModes', true)),
  tcpKeepAlive: global(flag('TCPKeepAlive', true)),
  permitEmptyPasswords: anywhere(flag('PermitEmptyPasswords', false)),
  compression: global(
    states('Compression', 'yes', [
      ['yes', 'yes'],
      ['delayed', 'yes'],
      ['no', 'no'],
    ]),
  ),
  gatewayPorts: anywhere(
    states('GatewayPorts', 'no', [
      ['clientspecified', 'clientspecified'],
      ['yes', 'yes'],
      ['no', 'no'],
    ]),
  ),
  useDns: global(flag('UseDNS', false)),
  allowTcpForwarding: anywhere(states('AllowTcpForwarding', 'yes', forwarding)),
  allowAgentForwarding: anywhere(flag('AllowAgentForwarding', true)),
  disableForwarding: anywhere(flag('DisableForwarding', false)),
  allowStreamLocalForwarding: anywhere(states('AllowStreamLocalForwarding', 'yes', forwarding)),
  streamLocalBindUnlink: anywhere(flag('StreamLocalBindUnlink', false)),
  fingerprintHash: global(special.fingerprintHash),
  exposeAuthInfo: anywhere(flag('ExposeAuthInfo', false)),
  refuseConnection: anywhere(flag('RefuseConnection', false)),

  pidFile: global(file('PidFile', '/var/run/sshd.pid')),
  moduliFile: global(file('ModuliFile', '/etc/ssh/moduli')),
  xauthLocation: global(file('XAuthLocation', '/usr/bin/xauth')),
  ciphers: global(algorithms('Ciphers', 'cipher')),
  macs: global(algorithms('MACs', 'mac')),
  banner: anywhere(file('Banner', undefined)),
  forceCommand: anywhere(restOfLine('ForceCommand')),
  chrootDirectory: anywhere(word('ChrootDirectory')),
  trustedUserCaKeys: anywhere(file('TrustedUserCAKeys', undefined)),
  revokedKeys: anywhere(special.revokedKeys),
  securityKeyProvider: ignored(
    global(special.securityKeyProvider),
    'signatures of security keys are checked without one',
  ),
  authorizedPrincipalsFile: anywhere(word('AuthorizedPrincipalsFile')),
  versionAddendum: global(restOfLine('VersionAddendum', checkAddendum)),
  authorizedKeysCommand: anywhere(restOfLine('AuthorizedKeysCommand', checkProgram)),
  authorizedKeysCommandUser: anywhere(word('AuthorizedKeysCommandUser')),
  authorizedPrincipalsCommand: anywhere(restOfLine('AuthorizedPrincipalsCommand', checkProgram)),
  authorizedPrincipalsCommandUser: anywhere(word('AuthorizedPrincipalsCommandUser')),
  hostKeyAgent: global(special.hostKeyAgent),
  kexAlgorithms: global(algorithms('KexAlgorithms', 'kex')),
  caSignatureAlgorithms: anywhere(algorithms('CASignatureAlgorithms', 'caSignature')),
  hostbasedAcceptedAlgorithms: anywhere(algorithms('HostbasedAcceptedAlgorithms', 'signature')),
  hostKeyAlgorithms: global(algorithms('HostKeyAlgorithms', 'hostKey')),
  pubkeyAcceptedAlgorithms: anywhere(algorithms('PubkeyAcceptedAlgorithms', 'signature')),
  rdomain: refused(
    anywhere(word('RDomain')),
    'sessions would run in another routing domain',
    undefined,
    // As OpenSSH says on Linux.
    'setting RDomain not supported on this platform.',
  ),
  sshdSessionPath: ignored(global(file('SshdSessionPath', undefined)), noSuchProgram),
  sshdAuthPath: ignored(global(file('SshdAuthPath', undefined)), noSuchProgram),
  perSourcePenaltyExemptList: global(special.penaltyExemptList),

  logLevel: anywhere(special.logLevel),
  // Ours: OpenSSH does not know it.
  logFormat: global(
    states('LogFormat', 'text', [
      ['text', 'text'],
      ['json', 'json'],
    ]),
  ),
  // Ours as well, and what follows them up to RecordFailure.
  controlSocket: global(own.controlSocket),
  metricsListen: global(own.metricsListen),
  recordSessions: anywhere(
    states('RecordSessions', 'no', [
      ['yes', 'yes'],
      ['no', 'no'],
      ['commands', 'commands'],
    ]),
  ),
  recordFolder: anywhere(own.recordFolder),
  recordInput: anywhere(flag('RecordInput', false)),
  recordLimit: anywhere(own.recordLimit),
  recordFailure: anywhere(
    states('RecordFailure', 'end', [
      ['end', 'end'],
      ['continue', 'continue'],
    ]),
  ),
  syslogFacility: global(special.syslogFacility),

  authorizedKeysFile: anywhere(special.authorizedKeysFile),
  hostKey: global(eachFile('HostKey')),
  hostCertificate: global(eachFile('HostCertificate')),
  allowUsers: anywhere(eachWord('AllowUsers', session.checkUserPattern)),
  denyUsers: anywhere(eachWord('DenyUsers', session.checkUserPattern)),
  allowGroups: anywhere(eachWord('AllowGroups', session.checkGroupPattern)),
  denyGroups: anywhere(eachWord('DenyGroups', session.checkGroupPattern)),
  acceptEnv: anywhere(eachWord('AcceptEnv', session.checkEnvironmentPattern)),
  setEnv: anywhere(session.setEnv),
  authenticationMethods: anywhere(special.authenticationMethods),
  logVerbose: ignored(anywhere(special.logVerbose), 'use LogLevel'),
  channelTimeout: anywhere(special.channelTimeout),
  subsystems: { ...anywhere(session.subsystems), merge: session.mergeSubsystems },
  maxStartups: global(special.maxStartups),
  perSourceMaxStartups: global(special.perSourceMaxStartups),
  perSourceNetBlockSize: global(special.perSourceNetBlockSize),
  permitTunnel: anywhere(
    states('PermitTunnel', 'no', [
      ['no', 'no'],
      ['point-to-point', 'point-to-point'],
      ['ethernet', 'ethernet'],
      ['yes', 'yes'],
    ]),
  ),
  ipQos: anywhere(special.ipQos),
  rekeyLimit: { ...anywhere(special.rekeyLimit), merge: special.mergeRekeyLimits },
  permitOpen: anywhere(session.forwardRules('PermitOpen', false)),
  permitListen: anywhere(session.forwardRules('PermitListen', true)),
  // Ours.
  tunnelPolicy: { ...anywhere(session.tunnelPolicy), merge: session.mergeTunnelPolicies },
  tunnelQuotas: anywhere(session.tunnelQuota),
  permitUserEnvironment: global(session.permitUserEnvironment),
  pubkeyAuthOptions: anywhere(special.pubkeyAuthOptions),
  perSourcePenalties: global(perSourcePenalties),
} as const;

type Keywords = typeof serverKeywords;
export type ServerKeyword = keyof Keywords;
type ValueOf<Row> = Row extends ServerRow<infer T> ? T : never;

/** What sshd can be told; every value is there, by file, by flag or by default. */
export type ServerSettings = { readonly [Name in ServerKeyword]: ValueOf<Keywords[Name]> };

/** Keywords that OpenSSH does not know. */
export const ownKeywords: ReadonlySet<ServerKeyword> = new Set<ServerKeyword>([
  'drainSeconds',
  'logFormat',
  'controlSocket',
  'metricsListen',
  'recordSessions',
  'recordFolder',
  'recordInput',
  'recordLimit',
  'recordFailure',
  'proxyProtocolFrom',
  'tunnelPolicy',
  'tunnelQuotas',
]);

/** Names of old that mean a keyword of today. */
const aliases: Readonly<Record<string, ServerKeyword>> = {
  hostdsakey: 'hostKey',
  hostbasedacceptedkeytypes: 'hostbasedAcceptedAlgorithms',
  pubkeyacceptedkeytypes: 'pubkeyAcceptedAlgorithms',
  dsaauthentication: 'pubkeyAuthentication',
  challengeresponseauthentication: 'kbdInteractiveAuthentication',
  skeyauthentication: 'kbdInteractiveAuthentication',
  keepalive: 'tcpKeepAlive',
};

/** Words that once meant something: accepted with a warning. */
const deprecatedWords: ReadonlySet<string> = new Set(
  (
    'serverkeybits keyregenerationinterval rhostsauthentication rhostsrsaauthentication rsaauthentication checkmail uselogin ' +
    'verifyreversemapping reversemappingcheck authorizedkeysfile2 useprivilegeseparation kerberostgtpassing afstokenpassing ' +
    'protocol pamauthenticationviakbdint'
  ).split(' '),
);

/** Words that only some builds of OpenSSH know, which leave nothing weaker without an effect: accepted with a warning. */
const foreignWords: ReadonlySet<string> = new Set(
  'debianbanner gssapikeyexchange gssapikexalgorithms gssapistorecredentialsonrekey gssapienablek5users'.split(' '),
);

/** `deprecated` and `unsupported` words are accepted with a warning; undefined for a word that nobody knows. */
export function judgePastKeyword(name: string): 'Deprecated' | 'Unsupported' | undefined {
  if (deprecatedWords.has(name)) return 'Deprecated';
  return foreignWords.has(name) ? 'Unsupported' : undefined;
}

const byName = new Map<string, ServerKeyword>([
  ...(Object.keys(serverKeywords) as ServerKeyword[]).map((key): [string, ServerKeyword] => [
    serverKeywords[key].name.toLowerCase(),
    key,
  ]),
  ...Object.entries(aliases),
]);

/** The key of a keyword, by any of its names, in any case. */
export function findServerKeyword(name: string): ServerKeyword | undefined {
  return byName.get(name.toLowerCase());
}

/** The rows as the reader sees them: it moves values without knowing their types. */
export function serverRow(key: ServerKeyword): ServerRow<unknown> {
  return serverKeywords[key] as ServerRow<unknown>;
}

/** What OpenSSH asks of a program that tells keys or principals. */
function checkProgram(text: string, { keyword }: Given): void {
  if (!text.startsWith('/') && !isNone(text)) throw new ValueError(`${keyword} must be an absolute path`);
}

/** A carriage return would end the identification line. */
function checkAddendum(text: string, { keyword }: Given): void {
  if (/[\r\n]/.test(text)) throw new ValueError(`Invalid ${keyword} argument`);
}
