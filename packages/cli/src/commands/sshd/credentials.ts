/** Checks keys, certificates and passwords: the `authenticate` of the server's options. */
import { expandServerTokens } from '@nacre/ssh/config/server';
import { disconnectReasons, SshError } from '@nacre/ssh/errors';
import { type PublicKey, parsePublicKey } from '@nacre/ssh/keys';
import type { Authenticate, Peer, UserOptions } from '@nacre/ssh/server';
import {
  allFeatures,
  certificateRefusal,
  type FeatureFlags,
  findAuthorizedKey,
  fullPermissions,
  mergePermissions,
  type Permissions,
  parseForwardRule,
  permissionsFromCertificate,
} from '@nacre/ssh/trust';
import { type Account, verifyPassword } from '../../os/index.ts';
import { sanitizeText } from '../../terminal/index.ts';
import { type Admission, accountRefusal, type Candidate, describe, type Say } from './admission.ts';
import type { Settings } from './config/config.ts';
import { readRegularFile } from './config/read-file.ts';
import { loggedName } from './log.ts';
import { revocationRefusal } from './revoked-keys.ts';
import { readUserFile } from './user-files.ts';

/**
 * Whether a password is an account's. Asked for every name alike; a name that is nobody's comes as one that does not exist.
 *
 * @param allowEmpty - an account without a password may be logged in to without one.
 */
export type CheckPassword = (accountName: string, password: string, allowEmpty?: boolean) => Promise<boolean>;

export function buildAuthenticate(
  admission: Admission,
  isPassword: CheckPassword = (name, password, allowEmpty = false) => verifyPassword(name, password, { allowEmpty }),
): Authenticate {
  const checkPassword = async (user: string, password: string, peer: Peer): Promise<boolean> => {
    const { account, isValid, settings } = admission.candidateFor(user, peer);
    // Asked for every name alike: a helper that is not asked answers sooner.
    const isGood = await isPassword(account.name, password, settings.permitEmptyPasswords);
    return isGood && isValid && mayUse(account, 'password', settings);
  };
  // Which of these are in use, and how, is said for each user: see userRules.
  return {
    publicKey: async ({ user, key }, peer) => {
      const { account, isValid, settings } = admission.candidateFor(user, peer);
      const say: Say = isValid ? admission.logFor(peer) : () => {};
      // Looked for on behalf of nobody as well, in silence: the work must not tell which names there are.
      const permissions = permitKey(account, key, peer, settings, say);
      return isValid ? permissions : undefined;
    },
    password: async ({ user, password, newPassword }, peer) => {
      // Changing passwords is the login program's business; the old one alone grants nothing here.
      if (newPassword !== undefined) return false;
      return checkPassword(user, password, peer);
    },
    keyboardInteractive: async ({ user }, ask, peer) => {
      const [password = ''] = await ask([{ text: 'Password: ', echo: false }]);
      if (password === '' && !admission.settingsOf(peer).permitEmptyPasswords) return false;
      return checkPassword(user, password, peer);
    },
    gate: async ({ methods, user }, permissions, peer) => {
      const candidate = admission.find(peer);
      if (candidate?.isValid !== true) return undefined;
      const refusal = gateRefusal(candidate, methods, permissions);
      if (refusal === undefined) return limitsOf(candidate.settings);
      admission.logFor(peer)(
        'INFO',
        refusal === 'root' ? `ROOT LOGIN REFUSED FROM ${describe(peer)}` : `User ${loggedName(user)} ${refusal}`,
      );
      return undefined;
    },
  };
}

/**
 * How a user may log in.
 *
 * @throws SshError `auth-failed` where AuthenticationMethods asks for nothing but methods that are switched off.
 */
export function userRules(settings: Settings): UserOptions {
  const methods = methodsOf(settings);
  const lists = requiredMethods(settings);
  const { banner } = settings;
  if (lists?.length === 0) {
    throw new SshError('no authentication methods enabled', {
      code: 'auth-failed',
      stage: 'auth',
      disconnect: disconnectReasons.protocolError,
    });
  }
  return {
    methods,
    ...(lists !== undefined && { requiredMethods: lists }),
    ...(banner !== undefined && { banner: () => readBanner(banner) }),
    maxAttempts: settings.maxAuthTries,
    // Smaller keys are refused whatever is configured.
    requiredRsaBits: Math.max(settings.requiredRsaSize, leastRsaBits),
    permitEmptyPasswords: settings.permitEmptyPasswords,
    signatureAlgorithms: settings.pubkeyAcceptedAlgorithms.names,
  };
}

const leastRsaBits = 1024;

function methodsOf(settings: Settings): string[] {
  return [
    ...(settings.pubkeyAuthentication ? ['publickey'] : []),
    ...(settings.passwordAuthentication ? ['password'] : []),
    ...(settings.kbdInteractiveAuthentication ? ['keyboard-interactive'] : []),
  ];
}

/** The lists of AuthenticationMethods that can be satisfied, none of them where it is so; undefined for any method. */
export function requiredMethods(settings: Settings): string[][] | undefined {
  if (settings.authenticationMethods.length === 0) return undefined;
  const enabled = methodsOf(settings);
  return settings.authenticationMethods
    .map((list) => list.split(',').map((name) => name.replace(/:.*$/, '')))
    .filter((list) => list.every((name) => enabled.includes(name)));
}

function gateRefusal(
  { account, settings }: Candidate,
  methods: readonly string[],
  permissions: Permissions,
): string | undefined {
  if (account.uid === 0) {
    if (!methods.every((method) => mayUse(account, method, settings))) return 'root';
    const isForced = permissions.forceCommand !== undefined || settings.forceCommand !== undefined;
    if (settings.permitRootLogin === 'forced-commands-only' && !isForced) return 'root';
  }
  return accountRefusal(account, methods, settings);
}

/** PermitRootLogin, for one method; whether there is a forced command is known only in the end. */
function mayUse(account: Account, method: string, { permitRootLogin }: Settings): boolean {
  if (account.uid !== 0 || permitRootLogin === 'yes') return true;
  return permitRootLogin !== 'no' && method === 'publickey';
}

/** What the configuration allows a login. */
function limitsOf(settings: Settings): Permissions {
  const ports = settings.allowTcpForwarding !== 'no';
  const sockets = settings.allowStreamLocalForwarding !== 'no';
  const allow: FeatureFlags = {
    pty: settings.permitTty,
    'user-rc': settings.permitUserRc,
    'port-forwarding': ports || sockets,
    'agent-forwarding': settings.allowAgentForwarding,
    'X11-forwarding': settings.x11Forwarding,
    tunnel: settings.permitTunnel !== 'no',
  };
  const rules = (given: readonly string[] | undefined) =>
    given === undefined ? [] : [given.flatMap((rule) => parseForwardRule(rule, false) ?? [])];
  return {
    ...fullPermissions,
    // Named is what is no forwarding: a kind of it that is added later is switched off as well (OpenSSH CVE-2025-32728).
    allow: settings.disableForwarding ? { ...allFeatures(false), pty: allow.pty, 'user-rc': allow['user-rc'] } : allow,
    // A list without a rule permits nothing.
    permitOpen: rules(settings.permitOpen),
    permitListen: rules(settings.permitListen),
  };
}

/** By an authority of the server's, or else by one of the user's files. */
function permitKey(
  account: Account,
  key: PublicKey,
  peer: Peer,
  settings: Settings,
  log: Say,
): Permissions | undefined {
  const revocation = revocationRefusal(settings.revokedKeys, key);
  if (revocation !== undefined) {
    log('ERROR', revocation);
    return undefined;
  }
  const byAuthority = permitCertificate(account, key, settings, log);
  if (byAuthority !== undefined) return byAuthority;
  for (const pattern of settings.authorizedKeysFile) {
    if (pattern.toLowerCase() === 'none') continue;
    const file = expandFile(pattern, account);
    if (file === undefined) continue;
    const { text, refusal } = readUserFile(account, file, settings.strictModes);
    if (refusal !== undefined) log('INFO', refusal);
    if (text === undefined) continue;
    const verdict = findAuthorizedKey(text, key, {
      user: account.name,
      file,
      address: peer.address,
      hostName: peer.hostName,
      now: Date.now(),
      caSignatureAlgorithms: settings.caSignatureAlgorithms.names,
    });
    if (verdict.status === 'authorized') {
      log('DEBUG1', `${file}:${verdict.line.line}: matching key found`);
      return verdict.permissions;
    }
    for (const { line, reason } of verdict.reasons) log('INFO', `${file}:${line}: ${reason}`);
  }
  return undefined;
}

function permitCertificate(account: Account, key: PublicKey, settings: Settings, log: Say): Permissions | undefined {
  const { certificate } = key;
  const file = settings.trustedUserCaKeys;
  if (certificate === undefined || file === undefined) return undefined;
  if (!readAuthorities(file, log).some((authority) => authority.equals(certificate.signatureKey))) return undefined;
  const refusal = certificateRefusal(certificate, {
    principals: [account.name],
    now: Date.now(),
    caSignatureAlgorithms: settings.caSignatureAlgorithms.names,
  });
  if (refusal !== undefined) {
    log('INFO', `Refusing certificate ID "${certificate.keyId}" serial=${certificate.serial}: ${refusal}`);
    return undefined;
  }
  try {
    return mergePermissions(fullPermissions, permissionsFromCertificate(certificate));
  } catch (error) {
    log('INFO', `Refusing certificate ID "${certificate.keyId}": ${(error as SshError).message}`);
    return undefined;
  }
}

function readAuthorities(file: string, log: Say): PublicKey[] {
  let text: string;
  try {
    text = readRegularFile(file).toString('utf8');
  } catch (error) {
    log('ERROR', `Could not read trusted user CA keys ${file}: ${(error as Error).message}`);
    return [];
  }
  return text.split('\n').flatMap((line, index) => {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) return [];
    try {
      return [parsePublicKey(content).key];
    } catch {
      log('ERROR', `${file}:${index + 1}: not a public key`);
      return [];
    }
  });
}

/**
 * AuthorizedKeysFile with its tokens; relative to the home. Undefined for a token that is not known (asyncssh 2.23: names with
 * path separators led elsewhere; here names come from the account database, and such a name is refused all the same).
 */
export function expandFile(pattern: string, { name, uid, home }: Account): string | undefined {
  if (/[/\0]|^\.\.?$/.test(name)) return undefined;
  try {
    const path = expandServerTokens('AuthorizedKeysFile', pattern, { user: name, userId: uid, home });
    return path.startsWith('/') ? path : `${home}/${path}`;
  } catch {
    return undefined;
  }
}

function readBanner(file: string): string | undefined {
  try {
    return sanitizeText(readRegularFile(file));
  } catch {
    // As in OpenSSH a banner that is not there is none.
    return undefined;
  }
}
