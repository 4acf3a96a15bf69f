/** The keywords of ssh_config: a row each, with what reads its value and where that goes. */
import type { Draft, Settings } from './settings.ts';
import type { Arguments, Reader } from './values.ts';
import * as read from './values.ts';

/** What stands behind a keyword. */
export interface KeywordRow {
  readonly name: string;
  /**
   * `read` is done; `later` is accepted and has no effect yet; `refused` has none yet either, but would change whom we talk to
   * or trust, so that any value but `none` ends the program; `past` has none in OpenSSH either.
   */
  readonly kind: 'read' | 'later' | 'refused' | 'past';
  /** Checks the value, and puts it into the draft where its block applies and nobody was first. */
  apply(draft: Draft, given: Arguments, isActive: boolean): void;
}

/** The first value that is found counts. */
function first<K extends keyof Settings>(name: string, key: K, reader: Reader<Settings[K]>): KeywordRow {
  return {
    name,
    kind: 'read',
    apply(draft, given, isActive) {
      const value = reader(given);
      if (isActive && draft[key] === undefined) draft[key] = value;
    },
  };
}

type ListKey = { [K in keyof Settings]: Settings[K] extends readonly string[] ? K : never }[keyof Settings];

/** Every value that is found counts, in order. */
function every(name: string, key: ListKey, reader: Reader<readonly string[]>): KeywordRow {
  return {
    name,
    kind: 'read',
    apply(draft, given, isActive) {
      const values = reader(given);
      if (!isActive) return;
      const before = draft[key] ?? [];
      draft[key] = [...before, ...values.filter((value) => !before.includes(value))];
    },
  };
}

const one: Reader<readonly string[]> = (given) => [read.text(given)];

function without(kind: Exclude<KeywordRow['kind'], 'read'>, names: string): KeywordRow[] {
  return names.split(' ').map((name) => ({ name, kind, apply: () => {} }));
}

const strictHostKeyChecking = read.choice({
  yes: 'yes',
  true: 'yes',
  no: 'no',
  false: 'no',
  off: 'no',
  ask: 'ask',
  'accept-new': 'accept-new',
} as const);

const pubkeyAuthentication = read.choice({
  yes: 'yes',
  true: 'yes',
  no: 'no',
  false: 'no',
  unbound: 'unbound',
  'host-bound': 'host-bound',
} as const);

const requestTty = read.choice({
  yes: 'yes',
  true: 'yes',
  no: 'no',
  false: 'no',
  force: 'force',
  auto: 'auto',
} as const);

export const keywords: readonly KeywordRow[] = [
  first('AddressFamily', 'addressFamily', read.choice({ any: 'any', inet: 'inet', inet6: 'inet6' } as const)),
  first('BatchMode', 'batchMode', read.flag),
  first('BindAddress', 'bindAddress', read.text),
  every('CertificateFile', 'certificateFiles', one),
  first('Ciphers', 'ciphers', read.algorithms),
  first('Compression', 'compression', read.flag),
  first('ConnectionAttempts', 'connectionAttempts', read.number(1)),
  first('ConnectTimeout', 'connectTimeoutMs', (given) => (given.words[0] === 'none' ? 0 : read.timeMs(given))),
  first('EscapeChar', 'escapeChar', read.escapeChar),
  first('FingerprintHash', 'fingerprintHash', read.choice({ sha256: 'sha256', md5: 'md5' } as const)),
  first('GlobalKnownHostsFile', 'globalKnownHostsFiles', read.words),
  first('HashKnownHosts', 'hashKnownHosts', read.flag),
  first('HostKeyAlgorithms', 'hostKeyAlgorithms', read.algorithms),
  first('HostKeyAlias', 'hostKeyAlias', read.text),
  first('HostName', 'hostName', read.text),
  first('IdentitiesOnly', 'identitiesOnly', read.flag),
  first('IdentityAgent', 'identityAgent', read.text),
  every('IdentityFile', 'identityFiles', one),
  first('IgnoreUnknown', 'ignoreUnknown', read.words),
  first('KbdInteractiveAuthentication', 'kbdInteractiveAuthentication', read.flag),
  first('KbdInteractiveDevices', 'kbdInteractiveDevices', read.commaList),
  first('KexAlgorithms', 'kexAlgorithms', read.algorithms),
  first('LogLevel', 'logLevel', read.logLevel),
  first('MACs', 'macs', read.algorithms),
  first('NoHostAuthenticationForLocalhost', 'noHostAuthenticationForLocalhost', read.flag),
  first('NumberOfPasswordPrompts', 'numberOfPasswordPrompts', read.number(0)),
  first('PasswordAuthentication', 'passwordAuthentication', read.flag),
  first('Port', 'port', read.port),
  first('PreferredAuthentications', 'preferredAuthentications', read.commaList),
  first('PubkeyAcceptedAlgorithms', 'pubkeyAcceptedAlgorithms', read.algorithms),
  first('PubkeyAuthentication', 'pubkeyAuthentication', pubkeyAuthentication),
  first('RefuseConnection', 'refuseConnection', read.restOfLine),
  first('RekeyLimit', 'rekeyLimit', read.rekeyLimit),
  first('RemoteCommand', 'remoteCommand', read.restOfLine),
  first('RequestTTY', 'requestTty', requestTty),
  first('RequiredRSASize', 'requiredRsaSize', read.number(0)),
  first('RevokedHostKeys', 'revokedHostKeys', read.words),
  every('SendEnv', 'sendEnv', read.environmentPatterns),
  first('ServerAliveCountMax', 'serverAliveCountMax', read.number(0)),
  first('ServerAliveInterval', 'serverAliveIntervalMs', read.timeMs),
  first(
    'SessionType',
    'sessionType',
    read.choice({ default: 'default', none: 'none', subsystem: 'subsystem' } as const),
  ),
  first('SetEnv', 'setEnv', read.assignments),
  first('StdinNull', 'stdinNull', read.flag),
  first('StrictHostKeyChecking', 'strictHostKeyChecking', strictHostKeyChecking),
  first('User', 'user', read.text),
  first('UserKnownHostsFile', 'userKnownHostsFiles', read.words),
  first('VisualHostKey', 'visualHostKey', read.flag),

  ...without('refused', 'ProxyCommand ProxyJump'),
  ...without(
    'later',
    'AddKeysToAgent BindInterface CanonicalDomains CanonicalizeFallbackLocal CanonicalizeHostname CanonicalizeMaxDots ' +
      'CanonicalizePermittedCNAMEs CASignatureAlgorithms ChannelTimeout CheckHostIP ClearAllForwardings ControlMaster ' +
      'ControlPath ControlPersist DynamicForward EnableEscapeCommandline EnableSSHKeysign ExitOnForwardFailure ' +
      'ForkAfterAuthentication ForwardAgent ForwardX11 ForwardX11Timeout ForwardX11Trusted GatewayPorts ' +
      'GSSAPIAuthentication GSSAPIDelegateCredentials HostbasedAcceptedAlgorithms HostbasedAuthentication IPQoS ' +
      'KnownHostsCommand LocalCommand LocalForward LogVerbose ObscureKeystrokeTiming PermitLocalCommand PermitRemoteOpen ' +
      'PKCS11Provider ProxyUseFdpass RemoteForward SecurityKeyProvider StreamLocalBindMask StreamLocalBindUnlink ' +
      'SyslogFacility TCPKeepAlive Tag Tunnel TunnelDevice UpdateHostKeys VerifyHostKeyDNS VersionAddendum WarnWeakCrypto ' +
      'XAuthLocation SmartcardDevice HostbasedKeyTypes',
  ),
  ...without(
    'past',
    'Protocol Cipher FallBackToRsh GlobalKnownHostsFile2 RhostsAuthentication UserKnownHostsFile2 UseRoaming UseRsh ' +
      'UsePrivilegedPort AFSTokenPassing KerberosAuthentication KerberosTgtPassing RSAAuthentication ' +
      'RhostsRSAAuthentication CompressionLevel',
  ),
];

/** Names of old that mean a keyword of today. */
const aliases: Readonly<Record<string, string>> = {
  challengeresponseauthentication: 'kbdinteractiveauthentication',
  skeyauthentication: 'kbdinteractiveauthentication',
  tisauthentication: 'kbdinteractiveauthentication',
  dsaauthentication: 'pubkeyauthentication',
  identityfile2: 'identityfile',
  keepalive: 'tcpkeepalive',
  pubkeyacceptedkeytypes: 'pubkeyacceptedalgorithms',
};

const rowsByName = new Map(keywords.map((row) => [row.name.toLowerCase(), row]));

/** The row of a keyword, by any of its names, upper or lower case. */
export function findKeyword(name: string): KeywordRow | undefined {
  const lower = name.toLowerCase();
  return rowsByName.get(Object.hasOwn(aliases, lower) ? (aliases[lower] as string) : lower);
}
