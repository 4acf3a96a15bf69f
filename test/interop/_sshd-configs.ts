/** Configurations of sshd made up from a seed: every keyword and every criterion of Match comes up. */

/** What one version of OpenSSH knows. */
export interface Dialect {
  readonly version: '9.2' | '10.0';
  /** Names of algorithms that OpenSSH and we both know. */
  readonly algorithms: Readonly<
    Record<'Ciphers' | 'MACs' | 'KexAlgorithms' | 'keys' | 'signatures', readonly string[]>
  >;
}

export interface MadeConfig {
  readonly text: string;
  /** For `sshd -C`. */
  readonly spec: string;
}

/** Numbers from a seed (mulberry32). */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** Some of them, in an order of their own. */
  some<T>(from: readonly T[], most: number): T[] {
    const count = 1 + this.below(Math.min(most, from.length));
    const left = [...from];
    return Array.from({ length: count }, () => left.splice(this.below(left.length), 1)[0] as T);
  }
}

type Make = (dice: Dice, dialect: Dialect) => string;

const yesNo: Make = (dice) => dice.pick(['yes', 'no', 'YES']);
const seconds: Make = (dice) => dice.pick(['0', '30', '90s', '5m', '1h30m', '2D', '1w']);
const number: Make = (dice) => String(dice.below(40));
const file: Make = (dice) => dice.pick(['/etc/some/file', 'none', '"/with a blank/x"', '/x/y']);
const word: Make = (dice) => dice.pick(['daemon', 'nobody', 'none']);
const command: Make = (dice) => dice.pick(['/bin/tool %u %f', 'none', '/bin/tool "a b"  c', '/bin/x']);
const forwarding: Make = (dice) => dice.pick(['yes', 'no', 'all', 'local', 'remote']);
const users: Make = (dice) => dice.some(['root', 'a*', 'b?d', 'x@10.0.0.0/8', 'y@*.example.com', '"z z"'], 3).join(' ');
const groups: Make = (dice) => dice.some(['wheel', 'adm*', 'root', '"a b"'], 3).join(' ');

function list(kind: keyof Dialect['algorithms']): Make {
  return (dice, { algorithms }) => {
    const sign = dice.pick(['', '', '+', '-', '^']);
    // Something must be left.
    return sign + dice.some(algorithms[kind], sign === '-' ? 1 : 4).join(',');
  };
}

/** Global keywords. */
const globals: Readonly<Record<string, Make>> = {
  UsePAM: yesNo,
  LoginGraceTime: seconds,
  IgnoreUserKnownHosts: yesNo,
  KerberosOrLocalPasswd: yesNo,
  KerberosTicketCleanup: yesNo,
  GSSAPICleanupCredentials: yesNo,
  GSSAPIStrictAcceptorCheck: yesNo,
  PrintMotd: yesNo,
  PrintLastLog: yesNo,
  StrictModes: yesNo,
  TCPKeepAlive: yesNo,
  KeepAlive: yesNo,
  Compression: (dice) => dice.pick(['yes', 'no', 'delayed']),
  UseDNS: yesNo,
  FingerprintHash: (dice) => dice.pick(['md5', 'sha256', 'SHA512']),
  PidFile: file,
  ModuliFile: (dice) => dice.pick(['/etc/ssh/moduli', '/m']),
  XAuthLocation: file,
  Ciphers: list('Ciphers'),
  MACs: list('MACs'),
  KexAlgorithms: list('KexAlgorithms'),
  HostKeyAlgorithms: list('keys'),
  HostKeyAgent: (dice) => dice.pick(['SSH_AUTH_SOCK', '/run/agent', 'none']),
  SecurityKeyProvider: (dice) => dice.pick(['internal', '/lib/sk.so']),
  VersionAddendum: (dice) => dice.pick(['none', 'hello there', 'x # y', '"quoted"']),
  SyslogFacility: (dice) => dice.pick(['auth', 'LOCAL3', 'daemon', 'User']),
  MaxStartups: (dice) => dice.pick(['5', '10:30:60', '7:100:7']),
  PerSourceNetBlockSize: (dice) => dice.pick(['24:64', '32:128', '0:0']),
  PermitUserEnvironment: (dice) => dice.pick(['yes', 'no', 'LANG,LC_*']),
  Port: (dice) => dice.pick(['22', '2222', '65535']),
  ListenAddress: (dice) =>
    dice.pick(['127.0.0.1', '0.0.0.0:23', '[::1]:44', '::', '[::1]', '192.0.2.1', '127.0.0.1 rdomain lo']),
  AddressFamily: () => 'any',
  ChallengeResponseAuthentication: yesNo,
  // None of these is there: that is a warning.
  HostCertificate: (dice) => dice.pick(['/etc/ssh/none-cert.pub', '"/a b-cert.pub"']),
};

/** Keywords that Match may set. */
const locals: Readonly<Record<string, Make>> = {
  X11DisplayOffset: number,
  MaxAuthTries: number,
  MaxSessions: number,
  ClientAliveInterval: seconds,
  ClientAliveCountMax: number,
  RequiredRSASize: (dice) => dice.pick(['1024', '2048', '3072']),
  StreamLocalBindMask: (dice) => dice.pick(['0177', '22', '0', '0777']),
  PermitRootLogin: (dice) => dice.pick(['yes', 'no', 'without-password', 'prohibit-password', 'forced-commands-only']),
  IgnoreRhosts: (dice) => dice.pick(['yes', 'no', 'shosts-only']),
  HostbasedAuthentication: yesNo,
  HostbasedUsesNameFromPacketOnly: yesNo,
  PubkeyAuthentication: yesNo,
  KerberosAuthentication: yesNo,
  GSSAPIAuthentication: yesNo,
  PasswordAuthentication: yesNo,
  KbdInteractiveAuthentication: yesNo,
  X11Forwarding: yesNo,
  X11UseLocalhost: yesNo,
  PermitTTY: yesNo,
  PermitUserRC: yesNo,
  PermitEmptyPasswords: yesNo,
  GatewayPorts: (dice) => dice.pick(['yes', 'no', 'clientspecified']),
  AllowTcpForwarding: forwarding,
  AllowAgentForwarding: yesNo,
  DisableForwarding: yesNo,
  AllowStreamLocalForwarding: forwarding,
  StreamLocalBindUnlink: yesNo,
  ExposeAuthInfo: yesNo,
  Banner: file,
  ForceCommand: (dice) => dice.pick(['none', 'echo "a  b" # all', '/bin/x -y', 'internal-sftp']),
  ChrootDirectory: (dice) => dice.pick(['none', '/srv/%u', '%h']),
  TrustedUserCAKeys: file,
  RevokedKeys: file,
  AuthorizedPrincipalsFile: (dice) => dice.pick(['none', '/p/%u', '.ssh/principals']),
  AuthorizedKeysCommandUser: word,
  AuthorizedPrincipalsCommandUser: word,
  CASignatureAlgorithms: list('signatures'),
  HostbasedAcceptedAlgorithms: list('keys'),
  PubkeyAcceptedAlgorithms: list('keys'),
  PubkeyAcceptedKeyTypes: list('keys'),
  LogLevel: (dice) => dice.pick(['quiet', 'INFO', 'debug', 'DEBUG2', 'Verbose', 'fatal']),
  AuthorizedKeysFile: (dice) => dice.pick(['.ssh/authorized_keys', 'none', '/k/%u .ssh/b', '"/a b" c']),
  AllowUsers: users,
  DenyUsers: users,
  AllowGroups: groups,
  DenyGroups: groups,
  AcceptEnv: (dice) => dice.some(['LANG', 'LC_*', 'X?', '*'], 3).join(' '),
  SetEnv: (dice) => dice.some(['A=1', '"B=x y"', 'C=', 'A=2'], 3).join(' '),
  // Never any: 9.2 takes it for a mistake where an earlier line named methods.
  AuthenticationMethods: (dice) =>
    dice.pick(['publickey', 'publickey,password publickey,keyboard-interactive:pam', 'publickey,publickey']),
  LogVerbose: (dice) => dice.pick(['kex.c:*:1000', 'a b']),
  ChannelTimeout: (dice) => dice.pick(['session=5m', '*=1h x11-connection=30', 'none']),
  PermitTunnel: (dice) => dice.pick(['yes', 'no', 'point-to-point', 'ethernet']),
  IPQoS: (dice) => dice.pick(['af21', 'cs1 ef', 'none', 'ef none', '12 cs7']),
  RekeyLimit: (dice) => dice.pick(['1G', 'default none', '512M 1h', '16 30', '2G none']),
  PermitOpen: (dice) => dice.pick(['any', 'none', 'host:22 [::1]:80', '*:*', '192.0.2.1:*']),
  PermitListen: (dice) => dice.pick(['any', 'none', '22', 'localhost:* 8080', '[::1]:22 *:80']),
  PubkeyAuthOptions: (dice) => dice.pick(['none', 'touch-required', 'verify-required touch-required']),
};

/** What 10.0 knows besides. */
const newGlobals: Readonly<Record<string, Make>> = {
  PerSourceMaxStartups: (dice) => dice.pick(['none', '5', '0']),
  PerSourcePenalties: (dice) =>
    dice.pick([
      'no',
      'yes',
      'crash:2m authfail:1s',
      'max:1h min:1 overflow:deny-all',
      'max-sources4:5 overflow6:deny-all',
    ]),
  PerSourcePenaltyExemptList: (dice) => dice.pick(['10.0.0.0/8', '192.0.2.1,2001:db8::/32']),
  SshdSessionPath: () => '/usr/lib/openssh/sshd-session',
  SshdAuthPath: () => '/usr/lib/openssh/sshd-auth',
  // Not in Match: there 10.0 loses those from outside, or crashes where there are none.
  Subsystem: (dice) => dice.pick(['sftp internal-sftp', 'sftp /bin/x -l INFO', 'other /bin/y "a b"']),
};
const newLocals: Readonly<Record<string, Make>> = {
  UnusedConnectionTimeout: (dice) => dice.pick(['none', '5m', '90']),
  PAMServiceName: (dice) => dice.pick(['sshd', 'other']),
  RefuseConnection: yesNo,
};

const names = ['root', 'daemon', 'nobody', 'nosuch'];
const hosts = ['db1.example.com', 'x.test', '10.1.2.3'];
const addresses = ['10.1.2.3', '192.0.2.7', '2001:db8::1'];
const lists: readonly (readonly [criterion: string, values: readonly string[]])[] = [
  ['User', ['root', 'root,daemon', '!root,*', 'n*', 'nosuch', '*,!nobody']],
  ['Group', ['root', 'daemon,nogroup', '!root,*', 'no*']],
  ['Host', ['*.example.com', 'DB1.example.com', '!x.test,*', '10.*']],
  ['Address', ['10.0.0.0/8', '192.0.2.*', '!10.1.2.3,*', '2001:db8::/32,10.1.2.3', '0.0.0.0/0']],
  ['LocalAddress', ['10.0.0.0/8', '127.0.0.1', '192.0.2.7,2001:db8::1']],
  ['LocalPort', ['22', '2222']],
  ['RDomain', ['vrf-a', 'vrf-*', '!vrf-b,*']],
];

/** All keywords that may come up: whoever counts them sees whether they do. */
export function keywordsOf({ version }: Dialect): string[] {
  const own = version === '10.0' ? { ...newGlobals, ...newLocals } : oldGlobals;
  return [...Object.keys({ ...globals, ...locals, ...own }), 'Include', 'Match'];
}

/** A configuration and a connection. The same seed gives the same one. */
export function makeConfig(seed: number, dialect: Dialect, include: (text: string) => string): MadeConfig {
  const dice = new Dice(seed);
  const isNew = dialect.version === '10.0';
  const everywhere = { ...locals, ...(isNew && newLocals) };
  const outside = { ...globals, ...(isNew && newGlobals), ...everywhere, ...(!isNew && oldGlobals) };
  const lines = linesOf(dice, dialect, outside, 4 + dice.below(20), true);
  if (dice.chance(30)) lines.push(...commands(dice));
  if (dice.chance(25)) {
    lines.push(`Include ${include(linesOf(dice, dialect, everywhere, 3, true).join('\n'))}`);
    if (dice.chance(50)) lines.push(...linesOf(dice, dialect, outside, 2, true));
  }
  for (let blocks = dice.below(5); blocks > 0; blocks--) lines.push(...blockOf(dice, dialect, everywhere, include));
  return { text: `${lines.join('\n')}\n`, spec: specOf(dice, isNew) };
}

/** What 9.2 takes in Match as well, and forgets there; a name of a subsystem that comes twice is an error to it. */
const oldGlobals: Readonly<Record<string, Make>> = {
  UnusedConnectionTimeout: (dice) => dice.pick(['none', '5m', '90']),
  Subsystem: (dice) => `s${dice.below(10_000)} /bin/x -l INFO`,
};

/** OpenSSH asks for the user as soon as there is a command. */
function commands(dice: Dice): string[] {
  const keyword = dice.pick(['AuthorizedKeysCommand', 'AuthorizedPrincipalsCommand']);
  return [`${keyword} ${command(dice, undefined as never)}`, `${keyword}User nobody`];
}

function blockOf(
  dice: Dice,
  dialect: Dialect,
  table: Readonly<Record<string, Make>>,
  include: (text: string) => string,
): string[] {
  const first = matchLine(dice, dialect);
  // Whoever is meant by all is meant from the start.
  const isOutside = /all$/i.test(first);
  const lines = [first, ...linesOf(dice, dialect, table, 1 + dice.below(6), isOutside)];
  if (dice.chance(20)) {
    const inner = linesOf(dice, dialect, table, 2, isOutside);
    if (dice.chance(60)) inner.push(matchLine(dice, dialect), ...linesOf(dice, dialect, table, 3, true));
    lines.push(`\tInclude ${include(inner.join('\n'))}`, ...linesOf(dice, dialect, table, 1, isOutside));
  }
  return lines;
}

function matchLine(dice: Dice, { version }: Dialect): string {
  if (dice.chance(12)) return dice.pick(['Match all', 'match ALL']);
  const criteria = dice.some(lists, 3).map(([name, values]) => `${name} ${dice.pick(values)}`);
  if (version === '10.0' && dice.chance(15)) criteria.push('Invalid-User');
  return `Match ${criteria.join(' ')}`;
}

function linesOf(
  dice: Dice,
  dialect: Dialect,
  table: Readonly<Record<string, Make>>,
  count: number,
  isOutside: boolean,
): string[] {
  const keywords = Object.keys(table);
  return Array.from({ length: count }, () => {
    const keyword = dice.pick(keywords);
    const value = (table[keyword] as Make)(dice, dialect);
    // Lists that no enabled method satisfies are refused, and so these stay on where everybody is meant.
    if (isOutside && keyword === 'PubkeyAuthentication') return 'PubkeyAuthentication yes';
    const isMethodList = keyword === 'AuthenticationMethods' && value.includes('password');
    return written(dice, keyword, isOutside && isMethodList ? 'publickey' : value);
  });
}

/** Keywords whose value is the rest of the line take no comment. */
const takesRest = /^(ForceCommand|VersionAddendum|Authorized\w+Command)$/;

function written(dice: Dice, keyword: string, value: string): string {
  const name = dice.pick([keyword, keyword.toLowerCase(), keyword.toUpperCase()]);
  const comment = !takesRest.test(keyword) && dice.chance(10) ? ' # why' : '';
  return `${dice.pick(['', '  ', '\t'])}${name}${dice.pick([' ', '\t', '=', ' = '])}${value}${comment}`;
}

function specOf(dice: Dice, isNew: boolean): string {
  const parts = [
    `user=${dice.pick(names)}`,
    `host=${dice.pick(hosts)}`,
    `addr=${dice.pick(addresses)}`,
    `laddr=${dice.pick(addresses)}`,
    `rdomain=${dice.pick(['vrf-a', 'vrf-b'])}`,
  ].filter(() => dice.chance(85));
  // OpenSSH gives up where a block asks for a port that is not named.
  parts.push(`lport=${dice.pick(['22', '2222'])}`);
  if (isNew && dice.chance(30)) parts.push('invalid-user');
  return parts.join(',');
}
