/** What weakens a connection, or will not work: a row a rule. */
import { allAlgorithms, orEmpty } from '@nacre/ssh/client';
import type { ClientConfig, ClientKeyword, ConfigPlace } from '@nacre/ssh/config';
import type { BlockFact, KeysFacts, KnownHostsFacts, ProbeFacts, Problem } from './explanation.ts';

export interface ConnectionFacts {
  readonly config: ClientConfig;
  readonly knownHosts: KnownHostsFacts;
}

export interface ProblemFacts extends ConnectionFacts {
  readonly blocks: readonly BlockFact[];
  readonly keys: KeysFacts;
  readonly probe: ProbeFacts | null;
}

export function findProblems(facts: ProblemFacts): Problem[] {
  return [...connectionRules, ...sessionRules].flatMap((rule) => rule(facts));
}

/** Of a jump host, which gives nothing but a stream. */
export function findJumpHostProblems(facts: ConnectionFacts): Problem[] {
  return connectionRules.flatMap((rule) => rule(facts));
}

type Rule<Facts> = (facts: Facts) => readonly Problem[];

const connectionRules: readonly Rule<ConnectionFacts>[] = [
  hostKeyChecking,
  nowhereToRemember,
  localhostUnchecked,
  dnsTrusted,
  hostKeyLines,
  oldAlgorithms,
  quantum,
  shortKeys,
];

const sessionRules: readonly Rule<ProblemFacts>[] = [
  agentForwarding,
  displayForwarding,
  openForwards,
  environment,
  keyFiles,
  tooManyKeys,
  certificates,
  probed,
];

function hostKeyChecking({ config }: ConnectionFacts): Problem[] {
  const { strictHostKeyChecking } = config.settings;
  if (strictHostKeyChecking === 'no') {
    return problem(
      config,
      'warning',
      'host-key-checking-off',
      'strictHostKeyChecking',
      'StrictHostKeyChecking no: any server is accepted, also one with another key than before',
    );
  }
  if (strictHostKeyChecking === 'accept-new') {
    return problem(
      config,
      'note',
      'host-key-accept-new',
      'strictHostKeyChecking',
      'StrictHostKeyChecking accept-new: nobody is asked about a host that is new',
    );
  }
  return [];
}

function nowhereToRemember({ config }: ConnectionFacts): Problem[] {
  const files = orEmpty(config.settings.userKnownHostsFile);
  if (files.some((file) => file !== '/dev/null')) return [];
  return problem(
    config,
    'warning',
    'known-hosts-discarded',
    'userKnownHostsFile',
    'UserKnownHostsFile keeps no host keys: a server whose key changes is not noticed',
  );
}

function localhostUnchecked({ config }: ConnectionFacts): Problem[] {
  if (!config.settings.noHostAuthenticationForLocalhost) return [];
  return problem(
    config,
    'warning',
    'localhost-unchecked',
    'noHostAuthenticationForLocalhost',
    'NoHostAuthenticationForLocalhost: a tunnel to another machine that ends here is not checked either',
  );
}

function dnsTrusted({ config }: ConnectionFacts): Problem[] {
  if (config.settings.verifyHostKeyDns !== 'yes') return [];
  return problem(
    config,
    'note',
    'dns-trusted',
    'verifyHostKeyDns',
    'VerifyHostKeyDNS yes: keys are accepted by DNS, which the resolver has to have proved',
  );
}

function hostKeyLines({ config, knownHosts }: ConnectionFacts): Problem[] {
  const { lines, name } = knownHosts;
  const revoked = lines.filter(({ marker }) => marker === 'revoked');
  const found: Problem[] = revoked.map(({ file, line, type }) => ({
    level: 'note',
    code: 'host-key-revoked',
    message: `a ${type} key of ${name} is marked as revoked`,
    origin: { file, line },
  }));
  if (lines.some(({ marker, isWithoutPort }) => marker !== 'revoked' && !isWithoutPort)) return found;
  const { strictHostKeyChecking, batchMode, knownHostsCommand } = config.settings;
  if (knownHostsCommand !== undefined && knownHostsCommand.toLowerCase() !== 'none') return found;
  const isRefused = strictHostKeyChecking === 'yes' || (strictHostKeyChecking === 'ask' && batchMode);
  const message = isRefused
    ? `no known_hosts line knows ${name}, and nobody is asked: it will be refused`
    : `no known_hosts line knows ${name} yet`;
  return [...found, { level: isRefused ? 'warning' : 'note', code: 'host-unknown', message, origin: null }];
}

function agentForwarding({ config, blocks }: ProblemFacts): Problem[] {
  if (config.settings.forwardAgent === false) return [];
  const isForAll = isForEveryHost(config.origins.get('forwardAgent')?.[0], blocks);
  const to = isForAll ? 'every host' : 'this host';
  const message = `ForwardAgent: whoever is root on ${to} can use the keys of the agent; ProxyJump does without`;
  return problem(config, isForAll ? 'warning' : 'note', 'agent-forwarded', 'forwardAgent', message);
}

/** Whether a line stands before all blocks, or in one that fits any name. */
function isForEveryHost(place: ConfigPlace | undefined, blocks: readonly BlockFact[]): boolean {
  if (place === undefined || place.line === 0) return false;
  const above = blocks.filter(({ file, line, pass }) => pass === 1 && file === place.file && line < place.line);
  const block = above.reduce<BlockFact | undefined>(
    (last, each) => (last && last.line > each.line ? last : each),
    undefined,
  );
  return block === undefined || /^(?:Host(?: \S+)* \*(?: |$)|Match all$)/i.test(block.text);
}

function displayForwarding({ config }: ProblemFacts): Problem[] {
  const { forwardX11, forwardX11Trusted } = config.settings;
  if (!forwardX11) return [];
  if (!forwardX11Trusted)
    return problem(
      config,
      'note',
      'display-forwarded',
      'forwardX11',
      'ForwardX11: programs on the host draw on this display',
    );
  return problem(
    config,
    'warning',
    'display-forwarded-trusted',
    'forwardX11Trusted',
    'ForwardX11Trusted: programs on the host can read what is typed into any window here',
  );
}

function openForwards({ config }: ProblemFacts): Problem[] {
  const { gatewayPorts, localForward, dynamicForward } = config.settings;
  if (!gatewayPorts || localForward.length + dynamicForward.length === 0) return [];
  return problem(
    config,
    'warning',
    'forwards-open',
    'gatewayPorts',
    'GatewayPorts: other machines can use the forwards, too',
  );
}

function environment({ config }: ProblemFacts): Problem[] {
  if (!config.settings.sendEnv.some((pattern) => /^\*+$/.test(pattern))) return [];
  return problem(
    config,
    'warning',
    'environment-sent',
    'sendEnv',
    'SendEnv *: everything in the environment is sent, passwords and tokens among it',
  );
}

const lists = {
  ciphers: /cbc|3des|arcfour|blowfish|cast128/,
  macs: /md5|-96|^hmac-sha1$|^umac-64@/,
  kexAlgorithms: /sha1$|^diffie-hellman-group1-/,
  hostKeyAlgorithms: /^ssh-rsa|^ssh-dss/,
  pubkeyAcceptedAlgorithms: /^ssh-rsa(?:$|-cert)|^ssh-dss/,
  caSignatureAlgorithms: /^ssh-rsa|^ssh-dss/,
} as const satisfies Partial<Record<ClientKeyword, RegExp>>;

/** Only what somebody wrote down: defaults are what is thought sound. */
function oldAlgorithms({ config }: ConnectionFacts): Problem[] {
  const settled = allAlgorithms(config.settings);
  return (Object.keys(lists) as (keyof typeof lists)[]).flatMap((keyword) => {
    const old = (settled[keyword] ?? []).filter((name) => lists[keyword].test(name));
    if (config.settings[keyword] === undefined || old.length === 0) return [];
    return problem(config, 'warning', 'old-algorithms', keyword, `${old.join(', ')}: broken or nearly so, and offered`);
  });
}

function quantum({ config }: ConnectionFacts): Problem[] {
  const names = allAlgorithms(config.settings).kexAlgorithms ?? [];
  if (names.some((name) => /mlkem|sntrup/.test(name))) return [];
  return problem(
    config,
    'warning',
    'no-post-quantum',
    'kexAlgorithms',
    'KexAlgorithms: what is recorded today may be read once there are quantum computers',
  );
}

function shortKeys({ config }: ConnectionFacts): Problem[] {
  const { requiredRsaSize } = config.settings;
  if (requiredRsaSize >= 2048) return [];
  return problem(
    config,
    'warning',
    'short-keys',
    'requiredRsaSize',
    `RequiredRSASize ${requiredRsaSize}: such RSA keys can be broken`,
  );
}

function keyFiles({ keys }: ProblemFacts): Problem[] {
  return keys.keys.flatMap(({ file, origin, state, reason, encrypted }): Problem[] => {
    if (state === 'unusable') {
      return [{ level: 'error', code: 'key-unusable', message: `${file}: ${reason}`, origin }];
    }
    // Of the default files most are not there.
    if (state === 'absent' && origin !== null) {
      return [{ level: 'warning', code: 'key-absent', message: `${file}: ${reason}`, origin }];
    }
    if (encrypted === false) {
      return [{ level: 'note', code: 'key-unencrypted', message: `${file}: no passphrase protects it`, origin }];
    }
    return [];
  });
}

/** MaxAuthTries of sshd, where nobody says otherwise. */
const usualAttempts = 6;

function tooManyKeys({ keys }: ProblemFacts): Problem[] {
  const offered = keys.keys.filter((key) => key.offered).length;
  if (offered < usualAttempts) return [];
  const message = `${offered} keys are offered, and servers usually end it after ${usualAttempts} attempts: IdentitiesOnly with IdentityFile names the right one`;
  return [{ level: 'warning', code: 'many-keys', message, origin: null }];
}

function certificates({ keys }: ProblemFacts): Problem[] {
  return keys.keys
    .flatMap((key) => key.certificates.map((each) => ({ ...each, origin: key.origin })))
    .filter(({ isValid }) => !isValid)
    .map(({ file, origin }) => ({
      level: 'warning',
      code: 'certificate-invalid',
      message: `${file}: it is no user certificate that is valid now`,
      origin,
    }));
}

function probed({ probe }: ProblemFacts): Problem[] {
  if (probe === null) return [];
  const { host, port, error, verdict, hostKey } = probe;
  if (error !== null) return [{ level: 'error', code: 'unreachable', message: error, origin: null }];
  if (verdict !== 'changed' && verdict !== 'revoked') return [];
  const message = `the key of ${host} port ${port} (${hostKey?.fingerprint}) is ${verdict === 'changed' ? 'not the one that known_hosts has' : 'marked as revoked'}`;
  return [{ level: 'error', code: `host-key-${verdict}`, message, origin: null }];
}

function problem(
  { origins }: ClientConfig,
  level: Problem['level'],
  code: string,
  keyword: ClientKeyword,
  message: string,
): Problem[] {
  return [{ level, code, message, origin: origins.get(keyword)?.[0] ?? null }];
}
