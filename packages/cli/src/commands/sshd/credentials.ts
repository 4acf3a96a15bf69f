/** Checks keys, certificates and passwords: the `authenticate` of the server's options. */
import type { SshError } from '@nacre/ssh';
import { type PublicKey, parsePublicKey } from '@nacre/ssh/keys';
import type { Authenticate, Peer } from '@nacre/ssh/server';
import {
  certificateRefusal,
  findAuthorizedKey,
  fullPermissions,
  mergePermissions,
  type Permissions,
  parseForwardRule,
  permissionsFromCertificate,
} from '@nacre/ssh/trust';
import { type Account, verifyPassword } from '../../os/index.ts';
import { sanitizeText } from '../../terminal/index.ts';
import { type Admission, accountRefusal, type Candidate, describe } from './admission.ts';
import type { Settings } from './config/config.ts';
import { readRegularFile } from './config/read-file.ts';
import { type Log, loggedName } from './log.ts';
import { revocationRefusal } from './revoked-keys.ts';
import { readUserFile } from './user-files.ts';

/** Whether a password is an account's. Asked for every name alike; a name that is nobody's comes as one that does not exist. */
export type CheckPassword = (accountName: string, password: string) => Promise<boolean>;

export function buildAuthenticate(
  settings: Settings,
  admission: Admission,
  log: Log,
  givenCheck?: CheckPassword,
): Authenticate {
  const isPassword: CheckPassword =
    givenCheck ?? ((name, password) => verifyPassword(name, password, { allowEmpty: settings.permitEmptyPasswords }));
  const checkPassword = async (user: string, password: string, peer: Peer): Promise<boolean> => {
    const candidate = admission.candidateFor(user, peer);
    // Asked for every name alike: a helper that is not asked answers sooner.
    const isGood = await isPassword(candidate.account.name, password);
    return isGood && candidate.isValid && mayUse(candidate.account, 'password', settings);
  };
  return {
    maxAttempts: settings.maxAuthTries,
    requiredRsaBits: settings.requiredRsaSize,
    permitEmptyPasswords: settings.permitEmptyPasswords,
    ...(settings.pubkeyAcceptedAlgorithms && { signatureAlgorithms: settings.pubkeyAcceptedAlgorithms.names }),
    ...(settings.authenticationMethods && { requiredMethods: settings.authenticationMethods }),
    ...(settings.banner !== undefined && { banner: () => readBanner(settings.banner as string) }),
    ...(settings.pubkeyAuthentication && {
      publicKey: async ({ user, key }, peer) => {
        const candidate = admission.candidateFor(user, peer);
        const say: Say = candidate.isValid ? log : () => {};
        // Looked for on behalf of nobody as well, in silence: the work must not tell which names there are.
        const permissions = permitKey(candidate.account, key, peer, settings, say);
        return candidate.isValid ? permissions : undefined;
      },
    }),
    ...(settings.passwordAuthentication && {
      password: async ({ user, password, newPassword }, peer) => {
        // Changing passwords is the login program's business; the old one alone grants nothing here.
        if (newPassword !== undefined) return false;
        return checkPassword(user, password, peer);
      },
    }),
    ...(settings.kbdInteractiveAuthentication && {
      keyboardInteractive: async ({ user }, ask, peer) => {
        const [password = ''] = await ask([{ text: 'Password: ', echo: false }]);
        if (password === '' && !settings.permitEmptyPasswords) return false;
        return checkPassword(user, password, peer);
      },
    }),
    gate: async ({ methods, user }, permissions, peer) => {
      const candidate = admission.find(peer);
      if (candidate?.isValid !== true) return undefined;
      const refusal = gateRefusal(candidate, methods, permissions, settings);
      if (refusal === undefined) return limitsOf(settings);
      log(
        'INFO',
        refusal === 'root' ? `ROOT LOGIN REFUSED FROM ${describe(peer)}` : `User ${loggedName(user)} ${refusal}`,
      );
      return undefined;
    },
  };
}

function gateRefusal(
  { account }: Candidate,
  methods: readonly string[],
  permissions: Permissions,
  settings: Settings,
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

/** What the configuration allows every login. */
function limitsOf(settings: Settings): Permissions {
  const ports = !settings.disableForwarding && settings.allowTcpForwarding !== 'no';
  const sockets = !settings.disableForwarding && settings.allowStreamLocalForwarding !== 'no';
  const rules = (given: readonly string[] | 'none' | undefined, hostOptional: boolean) =>
    Array.isArray(given) ? [given.flatMap((rule: string) => parseForwardRule(rule, hostOptional) ?? [])] : [];
  return {
    ...fullPermissions,
    allow: {
      ...fullPermissions.allow,
      pty: settings.permitTty,
      'port-forwarding': ports || sockets,
      'agent-forwarding': false,
      'X11-forwarding': false,
      tunnel: false,
    },
    // An empty list permits nothing.
    permitOpen: settings.permitOpen === 'none' ? [[]] : rules(settings.permitOpen, false),
    permitListen: settings.permitListen === 'none' ? [[]] : rules(settings.permitListen, true),
  };
}

type Say = (level: 'INFO' | 'ERROR' | 'DEBUG1', text: string) => void;

/** By an authority of the server's, or else by one of the user's files. */
function permitKey(
  account: Account,
  key: PublicKey,
  peer: Peer,
  settings: Settings,
  log: Say,
): Permissions | undefined {
  const revocation = revocationRefusal(settings.revokedKeys ?? [], key);
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
      caSignatureAlgorithms: settings.caSignatureAlgorithms?.names,
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
    caSignatureAlgorithms: settings.caSignatureAlgorithms?.names,
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
export function expandFile(pattern: string, account: Account): string | undefined {
  if (/[/\0]|^\.\.?$/.test(account.name)) return undefined;
  const tokens: Readonly<Record<string, string>> = {
    '%': '%',
    h: account.home,
    u: account.name,
    U: String(account.uid),
  };
  let isKnown = true;
  const path = pattern.replaceAll(/%(.?)/gs, (_all, token: string) => {
    if (!Object.hasOwn(tokens, token)) isKnown = false;
    return tokens[token] ?? '';
  });
  if (!isKnown) return undefined;
  return path.startsWith('/') ? path : `${account.home}/${path}`;
}

function readBanner(file: string): string | undefined {
  try {
    return sanitizeText(readRegularFile(file));
  } catch {
    // As in OpenSSH a banner that is not there is none.
    return undefined;
  }
}
