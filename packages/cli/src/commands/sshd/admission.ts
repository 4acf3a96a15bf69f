/** Who may log in at all: the account behind a name, the Allow and Deny lists, and the account's own state. */
import { statSync } from 'node:fs';
import { resolveServerConfig } from '@nacre/ssh/config/server';
import { SshError } from '@nacre/ssh/errors';
import type { Peer } from '@nacre/ssh/server';
import { matchHostAndAddress, matchPattern } from '@nacre/ssh/trust';
import { type Account, accountStatus, findAccount, findGroupNames, groupsOf } from '../../os/index.ts';
import type { Config, Settings } from './config/config.ts';
import { isExecutable } from './config/read-file.ts';
import { type Log, type LogFacts, type LogLevel, loggedName } from './log.ts';
import type { MakeRecorder } from './recording/types.ts';
import type { SessionRecords } from './session-records.ts';

/** Numbers connections for the life of the server. */
let connections = 0;
const numbers = new WeakMap<Peer, number>();

/** The number by which logs and lists know a connection: the first call gives it one. */
export function numberOf(peer: Peer): number {
  let number = numbers.get(peer);
  if (number === undefined) {
    number = ++connections;
    numbers.set(peer, number);
  }
  return number;
}

/** The user of one connection. */
export interface Candidate {
  /** The account, or a stand-in for which every check is made that is made for a real one, and fails. */
  readonly account: Account;
  /** False for a stand-in, and for an account that the lists keep out. */
  readonly isValid: boolean;
  /** What is configured for this name from there: the Match blocks that fit are in it. */
  readonly settings: Settings;
  /** This process is shut into the folder that ChrootDirectory names: nothing of this program's is there. */
  readonly isShutIn?: boolean;
  /** Does what only root may, where this process is the user's. */
  readonly desk?: RootDesk;
}

/** What a process that is the user's has root do for its sessions. */
export interface RootDesk {
  /** Gives the user's terminal the group and the mode that write(1) and mesg(1) expect. */
  giveTerminal(path: string): Promise<void>;
  readonly records: SessionRecords;
  /** Recordings are root's: whoever is recorded may not change them. */
  readonly makeRecorder: MakeRecorder;
  /** Until then there is more to be told of the connection, even where it has ended. */
  await(end: Promise<unknown>): void;
}

/** Writes a log line about one connection. */
export type Say = (level: Exclude<LogLevel, 'QUIET'>, text: string, facts?: LogFacts) => void;

/** A name that is nobody's. Its home is nowhere, so that no file answers for it. */
const nobody: Account = {
  name: 'NOUSER',
  uid: 65534,
  gid: 65534,
  home: '/nonexistent',
  shell: '/bin/false',
  gecos: '',
};

/** What is known of connections, as those see it who serve them. */
export interface Admitted {
  /** The candidate of a connection that has named its user. */
  find(peer: Peer): Candidate | undefined;
  /**
   * The candidate of one that is logged in: nobody else has sessions and channels.
   *
   * @throws SshError `misuse` for a connection without an account.
   */
  requireCandidate(peer: Peer): Candidate;
  /** What is configured for a connection: for everybody, until its user is known. */
  settingsOf(peer: Peer): Settings;
  /** The log for lines about a connection. */
  logFor(peer: Peer): Say;
}

/** Remembers each connection's candidate: the user name of a connection cannot change (RFC 4252 §5). */
export class Admission implements Admitted {
  readonly #config: Config;
  readonly #log: Log;
  readonly #isLevelFixed: boolean;
  readonly #candidates = new WeakMap<Peer, Candidate>();
  /** What every line about a connection says of it in a structured log. */
  readonly #facts = new WeakMap<Peer, { readonly connection: number; user?: string }>();

  /** @param isLevelFixed - flags say how much is logged: no LogLevel of a Match block counts. */
  constructor(config: Config, log: Log, isLevelFixed = false) {
    this.#config = config;
    this.#log = log;
    this.#isLevelFixed = isLevelFixed;
  }

  /** The candidate of a connection: the first call judges the name. */
  candidateFor(user: string, peer: Peer): Candidate {
    let candidate = this.#candidates.get(peer);
    if (candidate === undefined) {
      candidate = this.#judge(user, peer);
      this.#candidates.set(peer, candidate);
    }
    return candidate;
  }

  /** The candidate of a connection that has named its user. */
  find(peer: Peer): Candidate | undefined {
    return this.#candidates.get(peer);
  }

  /** {@inheritDoc Admitted.requireCandidate} */
  requireCandidate(peer: Peer): Candidate {
    const candidate = this.find(peer);
    if (candidate?.isValid === true) return candidate;
    throw new SshError('this connection has no account', { code: 'misuse', stage: 'channel' });
  }

  /** What is configured for a connection: for everybody, until its user is known. */
  settingsOf(peer: Peer): Settings {
    return this.find(peer)?.settings ?? this.#config.settings;
  }

  /** The log for lines about a connection: a Match block may ask for more of them, or for fewer. */
  logFor(peer: Peer): Say {
    return (level, text, facts) => {
      const own = this.settingsOf(peer).logLevel;
      const isOwn = own !== this.#config.settings.logLevel && !this.#isLevelFixed;
      this.#log(level, text, isOwn ? own : undefined, { ...this.#factsOf(peer), ...facts });
    };
  }

  #factsOf(peer: Peer): LogFacts {
    let facts = this.#facts.get(peer);
    if (facts === undefined) {
      facts = { connection: numberOf(peer) };
      this.#facts.set(peer, facts);
    }
    return { ...facts, address: peer.address, port: peer.port };
  }

  #judge(user: string, peer: Peer): Candidate {
    this.#facts.set(peer, { connection: numberOf(peer), user });
    const facts = this.#factsOf(peer);
    const account = findAccount(user);
    // One of its own for every connection, as an account is: whatever is looked up for it is looked up as often.
    const standIn = { ...nobody };
    const settings = this.#resolve(user, account, standIn, peer);
    if (account === undefined) {
      const line = `Invalid user ${loggedName(user)} from ${describe(peer)}`;
      this.#log('INFO', line, undefined, { event: 'invalid-user', ...facts });
      return { account: standIn, isValid: false, settings };
    }
    const refusal = refusalFor(account, peer, settings);
    if (refusal === undefined) return { account, isValid: true, settings };
    this.#log('INFO', `User ${loggedName(user)} ${refusal}`, undefined, { event: 'user-refused', ...facts });
    return { account: standIn, isValid: false, settings };
  }

  #resolve(user: string, account: Account | undefined, standIn: Account, peer: Peer): Settings {
    let groups: readonly string[] | undefined;
    return resolveServerConfig(this.#config, {
      user,
      isInvalidUser: account === undefined,
      groups: () => {
        // Looked up for nobody as well: the work must not tell which names there are.
        groups ??= groupNames(account ?? standIn);
        return account === undefined ? [] : groups;
      },
      host: peer.hostName ?? peer.address ?? unknownAddress,
      address: peer.address ?? unknownAddress,
      localAddress: peer.localAddress ?? unknownAddress,
      localPort: peer.localPort ?? unknownPort,
      rdomain: peer.routingDomain,
    }).settings;
  }
}

/** What OpenSSH calls an end that is no socket. */
const unknownAddress = 'UNKNOWN';
const unknownPort = 65_535;

/** `127.0.0.1 port 50022`, or OpenSSH's words where the other end is no socket. */
export function describe(peer: Peer): string {
  return `${peer.address ?? unknownAddress} port ${peer.port ?? unknownPort}`;
}

/** Methods that ask for no password. */
export function provesKey(method: string): boolean {
  return method === 'publickey' || method === 'hostbased';
}

/** Why an account may not log in from there, in OpenSSH's words; the lists are asked in its order. */
function refusalFor(account: Account, peer: Peer, settings: Settings): string | undefined {
  const ownId = process.getuid?.() ?? -1;
  if (ownId !== 0 && account.uid !== ownId) return 'not allowed because this server serves its own user only';
  // Before any method: who knows a public key must not learn from "that one will do" that it opens a locked account.
  const status = settings.usePam ? undefined : accountStatus(account.name, account.uid);
  if (status?.locked) return 'not allowed because account is locked';
  if (status?.expired) return 'not allowed because account has expired';
  const from = `from ${peer.hostName ?? peer.address ?? unknownAddress} not allowed`;
  const shell = account.shell;
  if (!isFile(shell)) return `not allowed because shell ${shell} does not exist`;
  if (!isExecutable(shell)) return `not allowed because shell ${shell} is not executable`;
  const isNamed = (pattern: string) => matchesUser(account.name, peer, pattern);
  if (settings.denyUsers.some(isNamed)) return `${from} because listed in DenyUsers`;
  if (settings.allowUsers.length > 0 && !settings.allowUsers.some(isNamed)) {
    return `${from} because not listed in AllowUsers`;
  }
  if (settings.denyGroups.length === 0 && settings.allowGroups.length === 0) return undefined;
  const names = groupNames(account);
  const inGroup = (pattern: string) => names.some((name) => matchPattern(name, pattern));
  if (settings.denyGroups.some(inGroup)) return `${from} because a group is listed in DenyGroups`;
  if (settings.allowGroups.length > 0 && !settings.allowGroups.some(inGroup)) {
    return `${from} because none of user's groups are listed in AllowGroups`;
  }
  return undefined;
}

/** `user`, `user@host`, `user@192.0.2.0/24`. */
function matchesUser(name: string, peer: Peer, pattern: string): boolean {
  const at = pattern.lastIndexOf('@');
  if (at < 0) return matchPattern(name, pattern);
  if (!matchPattern(name, pattern.slice(0, at))) return false;
  return matchHostAndAddress(pattern.slice(at + 1), peer.hostName ?? peer.address, peer.address) === 'match';
}

/** The names of an account's groups. */
export function groupNames(account: Account): string[] {
  return findGroupNames(groupsOf(account));
}

/**
 * Why an account in this state may not log in by these methods; undefined where it may.
 *
 * Locked accounts are PAM's business where PAM is used: cloud images lock the password of the account they log in to by key.
 */
export function accountRefusal(account: Account, methods: readonly string[], settings: Settings): string | undefined {
  const status = accountStatus(account.name, account.uid);
  if (status.locked && !settings.usePam) return `not allowed because account is locked`;
  if (status.expired) return 'not allowed because account has expired';
  if (status.nologin !== undefined) return 'not allowed because logins are closed (nologin)';
  const gavePassword = methods.some((method) => !provesKey(method));
  if (status.passwordExpired && gavePassword) return 'not allowed because the password has expired';
  return undefined;
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
