/** Makes a process that root started a user's own, for good: PAM's session, the root directory, groups and ids. */
import { SshError } from '@nacre/ssh/errors';
import { findGroups } from './accounts.ts';
import { changeRoot, requireSafeRoot } from './change-root.ts';
import { findSessionLimit, openFilesVariable, readOwnLimit, setOwnLimit } from './limits.ts';
import { platform } from './native.ts';
import { dropIds } from './own-process.ts';
import { PamTransaction, pamCodes } from './pam.ts';
import type { Account } from './platform.ts';

export interface BecomeRequest {
  readonly account: Account;
  /** Where PAM is used: whose rules, and the environment that authentication left. */
  readonly pam?: {
    readonly service: string;
    readonly remoteHost: string;
    readonly environment: Readonly<Record<string, string>>;
    /** PAM has authenticated the user: whoever came by a key may be somebody whom its modules know nothing of. */
    readonly isAuthenticated: boolean;
  };
  /** The directory that becomes the root, tokens expanded. */
  readonly chroot?: string;
}

export interface Became {
  /** What PAM set, for the environment of sessions, and for the end of the PAM session, which root has to ask for. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the session modules say: the message of the day, new mail. */
  readonly words: string;
  /** Why PAM opened no session: then the words may be shown, and nothing may be run. */
  readonly sessionRefusal: string | undefined;
}

/** More than this is no message. */
const maxWords = 64 * 1024;

/**
 * Called once, in a process that serves nobody yet. Limits, umask, keyring and audit id that PAM's modules set hold for this
 * process and for all that it starts.
 *
 * Every module and native library that the process needs later must be loaded before: behind `chroot` there are no files of ours.
 *
 * @throws SshError `misuse` where the process is not root's or could become root again, `permission-denied` for an unsafe
 *   directory, `operation-failed` where PAM or the system fails. Whatever is thrown, the process must end.
 */
export function becomeAccount({ account, pam, chroot }: BecomeRequest): Became {
  requireRoot();
  requireNoRing();
  const system = platform();
  if (chroot !== undefined) requireSafeRoot(chroot);
  giveSessionLimits();
  const transaction = pam && openSession(account, pam);
  // Before the root changes, where the database may be another; modules (pam_group) add theirs to the account's.
  process.setgid?.(account.gid);
  process.setgroups?.(findGroups(account.name, account.gid));
  transaction?.renewCredentials();
  if (chroot !== undefined) changeRoot(chroot);
  takeBackLimits();
  dropIds(account);
  requireNoWayBack(account);
  system.hideMemory();
  const { environment = {}, words = '', refusal } = transaction ?? {};
  return { environment, words, sessionRefusal: refusal };
}

/** dropIds has tried the user; the group and the effective user are ways of their own. */
function requireNoWayBack({ uid, gid }: Account): void {
  const ways = [
    ...(uid === 0 ? [] : [() => process.setuid?.(0), () => process.seteuid?.(0)]),
    ...(uid === 0 || gid === 0
      ? []
      : [() => process.setgid?.(0), () => process.setegid?.(0), () => process.setgroups?.([0])]),
  ];
  for (const way of ways) {
    try {
      way();
    } catch {
      continue;
    }
    throw new SshError('root could still be regained', {
      code: 'misuse',
      stage: 'auth',
      remedy: 'run the server without extra capabilities',
    });
  }
}

function requireRoot(): void {
  if (process.getuid?.() !== 0 || process.geteuid?.() !== 0) {
    throw new SshError('only a process of root’s can become another account', {
      code: 'misuse',
      stage: 'auth',
      remedy: 'start the server as root',
    });
  }
}

/** Rings of io_uring keep the rights of root beyond setuid (CVE-2024-22017): libuv must have made none. */
function requireNoRing(): void {
  if (process.env.UV_USE_IO_URING === '0') return;
  throw new SshError('a process that changes its user must be started without io_uring', {
    code: 'misuse',
    stage: 'auth',
    remedy: 'set UV_USE_IO_URING=0 in its environment',
  });
}

/** What PAM limits, it limits from here; Node has raised ours. */
function giveSessionLimits(): void {
  const soft = findSessionLimit();
  const own = readOwnLimit();
  if (soft !== undefined && soft < own.soft) setOwnLimit({ soft, hard: own.hard });
}

/** What holds now is what sessions get; this process itself serves many of them. */
function takeBackLimits(): void {
  const own = readOwnLimit();
  process.env[openFilesVariable] = String(own.soft);
  setOwnLimit({ soft: own.hard, hard: own.hard });
}

interface OpenSession {
  readonly environment: Readonly<Record<string, string>>;
  readonly words: string;
  readonly refusal: string | undefined;
  renewCredentials(): void;
}

/**
 * The transaction is not ended here: modules keep what belongs to the session (pam_systemd an open pipe) until it is, and its end
 * needs root.
 */
function openSession(account: Account, pam: NonNullable<BecomeRequest['pam']>): OpenSession {
  let words = '';
  const transaction = new PamTransaction({ ...pam, user: account.name }, ({ style, text }) => {
    if (style === 'error' || style === 'info') words = `${words}${text}\n`.slice(-maxWords);
    return undefined;
  });
  const credentials = transaction.establishCredentials();
  if (credentials.code !== pamCodes.success && pam.isAuthenticated) throw pamError('pam_setcred', credentials.text);
  const opened = transaction.openSession();
  return {
    environment: transaction.environment(),
    words,
    refusal: opened.code === pamCodes.success ? undefined : `PAM: pam_open_session(): ${opened.text}`,
    renewCredentials() {
      const again = transaction.renewCredentials();
      if (again.code !== pamCodes.success && pam.isAuthenticated) throw pamError('pam_setcred', again.text);
    },
  };
}

function pamError(call: string, reason: string): SshError {
  return new SshError(`PAM: ${call}(): ${reason}`, {
    code: 'operation-failed',
    stage: 'auth',
    remedy: 'look at /etc/pam.d and at the system log',
  });
}
