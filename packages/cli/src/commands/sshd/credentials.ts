/** Checks keys, certificates and passwords: the `authenticate` of the server's options. */
import { disconnectReasons, SshError } from '@nacre/ssh/errors';
import { type Authenticate, LoginEnd, type Peer, type UserOptions } from '@nacre/ssh/server';
import { allFeatures, type FeatureFlags, fullPermissions, type Permissions, parseForwardRule } from '@nacre/ssh/trust';
import { type Account, verifyPassword } from '../../os/index.ts';
import { sanitizeText } from '../../terminal/index.ts';
import { type Admission, accountRefusal, type Candidate, describe, provesKey, type Say } from './admission.ts';
import type { Settings } from './config/config.ts';
import { readRegularFile } from './config/read-file.ts';
import { permitKey } from './key-look-up.ts';
import { loggedName } from './log.ts';
import type { PamLogins } from './pam-logins.ts';

/**
 * Whether a password is an account's. Asked for every name alike; a name that is nobody's comes as one that does not exist.
 *
 * @param allowEmpty - an account without a password may be logged in to without one.
 */
export type CheckPassword = (accountName: string, password: string, allowEmpty?: boolean) => Promise<boolean>;

export function buildAuthenticate(
  admission: Admission,
  isPassword: CheckPassword = (name, password, allowEmpty = false) => verifyPassword(name, password, { allowEmpty }),
  pam?: PamLogins,
  canShutIn = false,
): Authenticate {
  const checkPassword = async (user: string, password: string, peer: Peer): Promise<boolean> => {
    const { account, isValid, settings } = admission.candidateFor(user, peer);
    const isAllowed = isValid && mayUse(account, 'password', settings);
    const verdict = await pam?.checkPassword({ user, isAllowed, settings }, password, peer);
    if (verdict !== undefined) return verdict;
    // Asked for every name alike: a helper that is not asked answers sooner.
    const isGood = await isPassword(account.name, password, settings.permitEmptyPasswords);
    return isGood && isAllowed;
  };
  // Which of these are in use, and how, is said for each user: see userRules.
  return {
    publicKey: async ({ user, key }, peer) => {
      const { account, isValid, settings } = admission.candidateFor(user, peer);
      const say: Say = isValid ? admission.logFor(peer) : () => {};
      // Looked for on behalf of nobody as well, in silence: the work must not tell which names there are.
      const permissions = await permitKey({ account, key, peer, settings, log: say });
      return isValid ? permissions : undefined;
    },
    hostBased: async ({ user, key, clientHost, clientUser }, peer) => {
      const { account, isValid, settings } = admission.candidateFor(user, peer);
      const say: Say = isValid ? admission.logFor(peer) : () => {};
      const { permitHost } = await import('./host-based.ts');
      return permitHost({ clientHost, clientUser }, { account, key, peer, settings, log: say }) && isValid;
    },
    password: async ({ user, password, newPassword }, peer) => {
      // Changing passwords is the login program's business; the old one alone grants nothing here.
      if (newPassword !== undefined) return false;
      return checkPassword(user, password, peer);
    },
    keyboardInteractive: async ({ user }, ask, peer) => {
      const { account, isValid, settings } = admission.candidateFor(user, peer);
      const isAllowed = isValid && mayUse(account, 'keyboard-interactive', settings);
      const verdict = await pam?.converse({ user, isAllowed, settings }, ask, peer);
      if (verdict !== undefined) return verdict;
      const [password = ''] = await ask([{ text: 'Password: ', echo: false }]);
      if (password === '' && !admission.settingsOf(peer).permitEmptyPasswords) return false;
      return checkPassword(user, password, peer);
    },
    ...(pam && { lastWords: (_login, peer) => pam.find(peer)?.words }),
    gate: async ({ methods, user }, permissions, peer) => {
      const candidate = admission.find(peer);
      if (candidate?.isValid !== true) return undefined;
      if (candidate.settings.chrootDirectory !== undefined && !canShutIn) {
        const say = admission.logFor(peer);
        say('ERROR', 'server lacks privileges to chroot to ChrootDirectory', { event: 'user-refused' });
        return undefined;
      }
      const isRootRefused = refusesRoot(candidate, methods, permissions);
      const verdict = isRootRefused ? undefined : await pam?.checkAccount({ user, settings: candidate.settings }, peer);
      if (verdict instanceof LoginEnd) return verdict;
      // Where PAM has judged the account, the shadow file was one of its sources.
      const isJudged = verdict === true;
      const refusal = isRootRefused
        ? 'root'
        : isJudged
          ? undefined
          : accountRefusal(candidate.account, methods, candidate.settings);
      if (refusal === undefined) {
        const limits = limitsOf(candidate.settings);
        return pam?.find(peer)?.mustChangePassword ? onlyTerminal(limits) : limits;
      }
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
    hostBasedAlgorithms: settings.hostbasedAcceptedAlgorithms.names,
  };
}

const leastRsaBits = 1024;

function methodsOf(settings: Settings): string[] {
  return [
    ...(settings.pubkeyAuthentication ? ['publickey'] : []),
    ...(settings.hostbasedAuthentication ? ['hostbased'] : []),
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

function refusesRoot({ account, settings }: Candidate, methods: readonly string[], permissions: Permissions): boolean {
  if (account.uid !== 0) return false;
  if (!methods.every((method) => mayUse(account, method, settings))) return true;
  const isForced = permissions.forceCommand !== undefined || settings.forceCommand !== undefined;
  return settings.permitRootLogin === 'forced-commands-only' && !isForced;
}

/** PermitRootLogin, for one method; whether there is a forced command is known only in the end. */
function mayUse(account: Account, method: string, { permitRootLogin }: Settings): boolean {
  if (account.uid !== 0 || permitRootLogin === 'yes') return true;
  return permitRootLogin !== 'no' && provesKey(method);
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

/** Where the password is to be changed first: nothing that would work without it. */
function onlyTerminal(limits: Permissions): Permissions {
  return { ...limits, allow: { ...allFeatures(false), pty: limits.allow.pty } };
}

function readBanner(file: string): string | undefined {
  try {
    return sanitizeText(readRegularFile(file));
  } catch {
    // As in OpenSSH a banner that is not there is none.
    return undefined;
  }
}
