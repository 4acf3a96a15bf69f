/** Every keyword of sshd_config: those that have an effect, and what becomes of all the others. */
import { matchHostAndAddress, matchPatternList, parseForwardRule } from '@nacre/ssh/trust';
import {
  algorithms,
  BadValue,
  choice,
  count,
  flag,
  only,
  parseFlag,
  parseSize,
  parseTime,
  path,
  row,
  single,
  some,
  text,
  time,
  words,
} from './_values.ts';

const logLevels = {
  quiet: 'QUIET',
  fatal: 'FATAL',
  error: 'ERROR',
  info: 'INFO',
  verbose: 'VERBOSE',
  debug: 'DEBUG1',
  debug1: 'DEBUG1',
  debug2: 'DEBUG2',
  debug3: 'DEBUG3',
} as const;
const facilities = 'daemon user auth authpriv local0 local1 local2 local3 local4 local5 local6 local7'.split(' ');
const forwarding = { yes: 'yes', all: 'yes', no: 'no', local: 'local', remote: 'remote' } as const;

/** The keywords with an effect, under the names that the code uses for them. */
export const keywords = {
  port: row<readonly number[]>('Port', [], (given, before = []) => [...before, parsePort(only(given))], {
    accumulates: true,
  }),
  listenAddress: row<readonly ListenAddress[]>(
    'ListenAddress',
    [],
    (given, before = []) => [...before, parseListenAddress(only(given))],
    { accumulates: true },
  ),
  addressFamily: choice('AddressFamily', 'any', { any: 'any', inet: 'inet', inet6: 'inet6' }),
  hostKey: words('HostKey'),
  hostCertificate: words('HostCertificate'),
  authorizedKeysFile: row<readonly string[]>(
    'AuthorizedKeysFile',
    ['.ssh/authorized_keys', '.ssh/authorized_keys2'],
    some,
  ),
  pubkeyAuthentication: flag('PubkeyAuthentication', true),
  passwordAuthentication: flag('PasswordAuthentication', true),
  kbdInteractiveAuthentication: flag('KbdInteractiveAuthentication', true),
  permitRootLogin: choice('PermitRootLogin', 'prohibit-password', {
    yes: 'yes',
    no: 'no',
    'prohibit-password': 'prohibit-password',
    'without-password': 'prohibit-password',
    'forced-commands-only': 'forced-commands-only',
  }),
  permitEmptyPasswords: flag('PermitEmptyPasswords', false),
  authenticationMethods: row<readonly (readonly string[])[] | undefined>('AuthenticationMethods', undefined, (given) =>
    some(given).length === 1 && given[0]?.toLowerCase() === 'any' ? undefined : some(given).map(parseMethods),
  ),
  allowUsers: words('AllowUsers', checkPattern),
  denyUsers: words('DenyUsers', checkPattern),
  allowGroups: words('AllowGroups', checkPattern),
  denyGroups: words('DenyGroups', checkPattern),
  maxAuthTries: count('MaxAuthTries', 6, 1),
  maxSessions: count('MaxSessions', 10),
  maxStartups: single('MaxStartups', { start: 10, ratePercent: 30, full: 100 }, parseStartups),
  loginGraceMs: time('LoginGraceTime', 120_000),
  strictModes: flag('StrictModes', true),
  revokedKeys: row<readonly string[] | undefined>('RevokedKeys', undefined, (given) =>
    some(given).length === 1 && given[0]?.toLowerCase() === 'none' ? undefined : given,
  ),
  trustedUserCaKeys: path('TrustedUserCAKeys', undefined),
  caSignatureAlgorithms: algorithms('CASignatureAlgorithms', 'signature'),
  pubkeyAcceptedAlgorithms: algorithms('PubkeyAcceptedAlgorithms', 'signature'),
  hostKeyAlgorithms: algorithms('HostKeyAlgorithms', 'hostKey'),
  kexAlgorithms: algorithms('KexAlgorithms', 'kex'),
  ciphers: algorithms('Ciphers', 'cipher'),
  macs: algorithms('MACs', 'mac'),
  requiredRsaSize: count('RequiredRSASize', 2048, 1024),
  moduliFile: path('ModuliFile', '/etc/ssh/moduli'),
  rekeyLimit: row<RekeyLimit>('RekeyLimit', {}, parseRekeyLimit),
  compression: choice('Compression', 'yes', { yes: 'yes', delayed: 'yes', no: 'no' }),
  clientAliveIntervalMs: time('ClientAliveInterval', 0),
  clientAliveCountMax: count('ClientAliveCountMax', 3),
  tcpKeepAlive: flag('TCPKeepAlive', true),
  useDns: flag('UseDNS', false),
  usePam: flag('UsePAM', false),
  banner: path('Banner', undefined),
  versionAddendum: text('VersionAddendum'),
  printMotd: flag('PrintMotd', true),
  pidFile: path('PidFile', '/var/run/sshd.pid'),
  logLevel: choice('LogLevel', 'INFO', logLevels),
  syslogFacility: choice('SyslogFacility', 'auth', Object.fromEntries(facilities.map((name) => [name, name]))),
  acceptEnv: words('AcceptEnv', (word) => {
    if (word.includes('=')) throw new BadValue('Invalid environment name.');
    return word;
  }),
  setEnv: row<ReadonlyMap<string, string>>('SetEnv', new Map(), (given) => new Map(some(given).map(parseAssignment))),
  permitUserEnvironment: single<boolean | string>('PermitUserEnvironment', false, (word) =>
    /^(yes|true|no|false)$/i.test(word) ? parseFlag(word) : word,
  ),
  permitTty: flag('PermitTTY', true),
  forceCommand: text('ForceCommand'),
  subsystems: row<ReadonlyMap<string, string>>('Subsystem', new Map(), addSubsystem, { accumulates: true }),
  allowTcpForwarding: choice('AllowTcpForwarding', 'yes', forwarding),
  allowStreamLocalForwarding: choice('AllowStreamLocalForwarding', 'yes', forwarding),
  disableForwarding: flag('DisableForwarding', false),
  permitOpen: row<readonly string[] | 'none' | undefined>('PermitOpen', undefined, (given) => readRules(given, false)),
  permitListen: row<readonly string[] | 'none' | undefined>('PermitListen', undefined, (given) =>
    readRules(given, true),
  ),
} as const;

/** What happens to a keyword without an effect here. */
export type OtherKeyword =
  /** Leaving it out weakens nothing: the server says so and goes on; nothing is said of the values `unless`, which ask for what is done. */
  | { readonly kind: 'ignored'; readonly unless: readonly string[]; readonly why: string }
  /** Leaving it out would let in or allow more than the file says: the server does not start, unless the value switches it off. */
  | { readonly kind: 'refused'; readonly unless: readonly string[]; readonly why: string }
  /** OpenSSH dropped it long ago, and says only that. */
  | { readonly kind: 'deprecated' };

const ignored = (why: string, ...unless: string[]): OtherKeyword => ({ kind: 'ignored', unless, why });
const refused = (why: string, ...unless: string[]): OtherKeyword => ({ kind: 'refused', unless, why });
const deprecated: OtherKeyword = { kind: 'deprecated' };

/** By lower-case name. */
export const otherKeywords: ReadonlyMap<string, OtherKeyword> = new Map<string, OtherKeyword>(
  Object.entries({
    Match: refused('its block would have to apply to some logins only'),
    ChrootDirectory: refused('sessions would see the whole file system', 'none'),
    AuthorizedKeysCommand: refused('keys would not come from where they should', 'none'),
    AuthorizedKeysCommandUser: ignored('there is no AuthorizedKeysCommand'),
    AuthorizedPrincipalsCommand: refused('certificates would be matched against the user name', 'none'),
    AuthorizedPrincipalsCommandUser: ignored('there is no AuthorizedPrincipalsCommand'),
    AuthorizedPrincipalsFile: refused('certificates would be matched against the user name', 'none'),
    PubkeyAuthOptions: refused('security keys would need less than it says', 'none'),
    HostKeyAgent: refused('the host keys could not be found', 'none'),
    HostbasedAuthentication: ignored('there is no host-based login', 'no'),
    GSSAPIAuthentication: ignored('there is no GSSAPI login', 'no'),
    KerberosAuthentication: ignored('there is no Kerberos login', 'no'),
    PermitTunnel: ignored('there are no tunnels', 'no'),
    PerSourceMaxStartups: refused('one address could hold more connections than it says', 'none'),
    PerSourcePenalties: refused('addresses that misbehave would not be held off', 'no'),
    GatewayPorts: ignored('listeners of clients stay on the loopback interface', 'no'),
    ChannelTimeout: refused('idle channels would stay open', 'none'),
    UnusedConnectionTimeout: refused('unused connections would stay open', 'none'),
    RDomain: refused('sessions would run in another routing domain', 'none'),
    RefuseConnection: refused('connections would be served', 'no'),
    AllowAgentForwarding: ignored('the agent is not forwarded yet', 'no'),
    X11Forwarding: ignored('X11 is not forwarded yet', 'no'),
    X11DisplayOffset: ignored('X11 is not forwarded yet'),
    X11UseLocalhost: ignored('X11 is not forwarded yet'),
    XAuthLocation: ignored('X11 is not forwarded yet'),
    ExposeAuthInfo: ignored('sessions are told nothing of their login', 'no'),
    FingerprintHash: ignored('logs show SHA256'),
    IPQoS: ignored('packets are not marked'),
    PrintLastLog: ignored('no record of logins is kept', 'no'),
    PermitUserRC: ignored('~/.ssh/rc is not run', 'no'),
    LogVerbose: ignored('use LogLevel'),
    PAMServiceName: ignored('PAM is asked for passwords only'),
    PerSourceNetBlockSize: ignored('addresses are not counted'),
    PerSourcePenaltyExemptList: ignored('there are no penalties'),
    SecurityKeyProvider: ignored('signatures of security keys are checked without one'),
    SshdAuthPath: ignored('there is no such program'),
    SshdSessionPath: ignored('there is no such program'),
    StreamLocalBindMask: ignored('no Unix sockets are made'),
    StreamLocalBindUnlink: ignored('no Unix sockets are made'),
    HostbasedAcceptedAlgorithms: ignored('there is no host-based login'),
    HostbasedUsesNameFromPacketOnly: ignored('there is no host-based login'),
    IgnoreRhosts: ignored('.rhosts is never read'),
    IgnoreUserKnownHosts: ignored('there is no host-based login'),
    GSSAPICleanupCredentials: ignored('there is no GSSAPI login'),
    GSSAPIDelegateCredentials: ignored('there is no GSSAPI login'),
    GSSAPIStrictAcceptorCheck: ignored('there is no GSSAPI login'),
    GSSAPIKeyExchange: ignored('there is no GSSAPI login', 'no'),
    KerberosGetAFSToken: ignored('there is no Kerberos login'),
    KerberosOrLocalPasswd: ignored('there is no Kerberos login'),
    KerberosTicketCleanup: ignored('there is no Kerberos login'),
    DebianBanner: ignored('the identification names no distribution'),
    ServerKeyBits: deprecated,
    KeyRegenerationInterval: deprecated,
    RhostsAuthentication: deprecated,
    RhostsRSAAuthentication: deprecated,
    RSAAuthentication: deprecated,
    CheckMail: deprecated,
    UseLogin: deprecated,
    VerifyReverseMapping: deprecated,
    ReverseMappingCheck: deprecated,
    AuthorizedKeysFile2: deprecated,
    UsePrivilegeSeparation: deprecated,
    KerberosTgtPassing: deprecated,
    AFSTokenPassing: deprecated,
    Protocol: deprecated,
  }).map(([name, what]) => [name.toLowerCase(), what]),
);

/** Old names of keywords above, in lower case. */
export const aliases: ReadonlyMap<string, string> = new Map([
  ['hostdsakey', 'hostkey'],
  ['hostbasedacceptedkeytypes', 'hostbasedacceptedalgorithms'],
  ['pubkeyacceptedkeytypes', 'pubkeyacceptedalgorithms'],
  ['dsaauthentication', 'pubkeyauthentication'],
  ['challengeresponseauthentication', 'kbdinteractiveauthentication'],
  ['skeyauthentication', 'kbdinteractiveauthentication'],
  ['keepalive', 'tcpkeepalive'],
]);

export interface ListenAddress {
  readonly host: string;
  /** Undefined: every port of `Port`. */
  readonly port: number | undefined;
}

export interface RekeyLimit {
  readonly bytes?: number;
  readonly ms?: number;
}

export function parsePort(word: string): number {
  const port = /^\d{1,5}$/.test(word) ? Number(word) : 0;
  if (port < 1 || port > 65535) throw new BadValue('Badly formatted port number.');
  return port;
}

function parseListenAddress(word: string): ListenAddress {
  const [, bracketed, plain, port] =
    /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(word) ?? (/^[0-9a-fA-F:.%]+$/.test(word) ? ['', word] : []);
  const host = bracketed ?? plain;
  if (host === undefined) throw new BadValue(`bad address or port "${word}".`);
  return { host, port: port === undefined ? undefined : parsePort(port) };
}

function parseMethods(list: string): readonly string[] {
  const known = ['publickey', 'password', 'keyboard-interactive', 'none'];
  const names = list
    .split(',')
    .map((name) => name.replace(/^keyboard-interactive:(pam|bsdauth)$/, 'keyboard-interactive'));
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new BadValue(`invalid authentication method list: "${unknown}" is not served here.`);
  return names;
}

function parseStartups(word: string): { start: number; ratePercent: number; full: number } {
  const [, start, rate, full] = /^(\d{1,6})(?::(\d{1,3}):(\d{1,6}))?$/.exec(word) ?? [];
  const numbers = { start: Number(start), ratePercent: Number(rate ?? 100), full: Number(full ?? start) };
  const isGood =
    numbers.start > 0 && numbers.full >= numbers.start && numbers.ratePercent > 0 && numbers.ratePercent <= 100;
  if (!isGood) throw new BadValue('Illegal MaxStartups spec.');
  return numbers;
}

function parseRekeyLimit(given: readonly string[]): RekeyLimit {
  const [size = '', age, extra] = some(given);
  if (extra !== undefined) throw new BadValue(`keyword has extra arguments at end of line: "${extra}".`);
  const limit: { bytes?: number; ms?: number } = {};
  if (size.toLowerCase() !== 'default' && size.toLowerCase() !== 'none') limit.bytes = parseSize(size);
  if (limit.bytes !== undefined && limit.bytes < 16) throw new BadValue('RekeyLimit too small.');
  if (age !== undefined) limit.ms = age.toLowerCase() === 'none' ? 0 : parseTime(age);
  return limit;
}

function parseAssignment(word: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
  if (name === undefined || value === undefined) throw new BadValue('Invalid environment.');
  return [name, value];
}

function addSubsystem(given: readonly string[], before: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const [name = '', ...command] = some(given);
  if (command.length === 0) throw new BadValue('Missing subsystem command.');
  if (before.has(name)) throw new BadValue(`Subsystem '${name}' already defined.`);
  return new Map([...before, [name, command.join(' ')]]);
}

function readRules(given: readonly string[], hostOptional: boolean): readonly string[] | 'none' | undefined {
  const [first = ''] = some(given);
  if (given.length === 1 && first.toLowerCase() === 'any') return undefined;
  if (given.length === 1 && first.toLowerCase() === 'none') return 'none';
  for (const rule of given) {
    if (parseForwardRule(rule, hostOptional) === undefined) throw new BadValue(`bad forwarding rule "${rule}".`);
  }
  return given;
}

/** A pattern of a user or group; OpenSSH would take `!name` for a name that begins so, and let in whom it should keep out. */
function checkPattern(word: string): string {
  if (word.startsWith('!')) throw new BadValue(`"${word}" negates nothing here; use the matching Deny keyword.`);
  const at = word.lastIndexOf('@');
  try {
    if (at >= 0) matchHostAndAddress(word.slice(at + 1), undefined, undefined);
    matchPatternList('', word);
  } catch {
    throw new BadValue(`invalid pattern "${word}".`);
  }
  return word;
}
