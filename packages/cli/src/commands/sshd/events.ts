/** What happens to connections, in the words of OpenSSH's log, which people and programs such as fail2ban look for. */
import type { AuthAttempt } from '@nacre/ssh/auth';
import type { SshError } from '@nacre/ssh/errors';
import type { Peer, ServerConnection, ServerOptions } from '@nacre/ssh/server';
import { type Admission, describe } from './admission.ts';
import { DropLog } from './drop-log.ts';
import { configuredFingerprint, describeKey, type NameSettings } from './key-names.ts';
import { type Log, loggedName } from './log.ts';
import { recordWrongPassword } from './session-records.ts';
import { type PenaltyKind, type SourceLimits, tooManyStartups } from './source-limits.ts';

export type Events = Pick<
  Required<ServerOptions>,
  'turnAway' | 'onConnection' | 'onRefused' | 'onAttempt' | 'onDisconnect' | 'onError' | 'log'
> & {
  /** Whoever serves the client now, here or in another process. */
  onLogin(login: Pick<ServerConnection, 'peer' | 'user' | 'methods' | 'keys'>): void;
};

/** What is remembered of a connection for the lines at its end. */
interface Story {
  user?: string;
  failures: number;
  isLoggedIn: boolean;
  /** Anything but a question for the methods there are. */
  hasTried: boolean;
  /** No longer counts it among those that have not logged in. */
  release(): void;
}

export function buildEvents(
  admission: Admission,
  log: Log,
  limits: SourceLimits,
  drops: DropLog = new DropLog(),
): Events {
  const stories = new WeakMap<Peer, Story>();
  const storyOf = (peer: Peer): Story => {
    let story = stories.get(peer);
    if (story === undefined) {
      story = { failures: 0, isLoggedIn: false, hasTried: false, release: () => {} };
      stories.set(peer, story);
    }
    return story;
  };
  const isValid = (peer: Peer) => admission.find(peer)?.isValid ?? false;
  /** `authenticating user ada 192.0.2.1 port 50022`, as it stands behind "Connection closed by". */
  const nameOf = (peer: Peer): string => {
    const { user, isLoggedIn } = storyOf(peer);
    if (user === undefined) return describe(peer);
    const kind = isLoggedIn ? '' : isValid(peer) ? 'authenticating ' : 'invalid ';
    return `${kind}user ${loggedName(user)} ${describe(peer)}`;
  };

  return {
    turnAway: (peer) => limits.refusalFor(peer),
    onConnection(peer) {
      storyOf(peer).release = limits.hold(peer);
      const domain = peer.routingDomain === undefined ? '' : ` rdomain "${peer.routingDomain}"`;
      const local = `${peer.localAddress ?? 'UNKNOWN'} port ${peer.localPort ?? 65535}${domain}`;
      admission.logFor(peer)('VERBOSE', `Connection from ${describe(peer)} on ${local}`, { event: 'connection' });
    },
    onRefused(peer, { reason = tooManyStartups, startups }) {
      const { isWritten, leftOut } = drops.note();
      const level = reason === tooManyStartups ? 'VERBOSE' : 'INFO';
      if (leftOut > 0) log('INFO', `drop connection logging rate-limited: additional ${leftOut} connections dropped`);
      if (!isWritten) return;
      const at = `[${peer.address}]:${peer.port} on [${peer.localAddress}]:${peer.localPort}`;
      admission.logFor(peer)(level, `drop connection #${startups} from ${at} ${reason}`, { event: 'refused', reason });
    },
    onAttempt(attempt, peer) {
      const story = storyOf(peer);
      story.user = attempt.user;
      story.hasTried ||= attempt.method !== 'none';
      // Judges the name, so that even a login that never gets to a method is told apart.
      const { isValid: valid, settings } = admission.candidateFor(attempt.user, peer);
      const say = admission.logFor(peer);
      if (attempt.result === 'failed') story.failures++;
      if (attempt.result === 'failed' && ['password', 'keyboard-interactive'].includes(attempt.method)) {
        void recordWrongPassword(attempt.user, peer);
      }
      const line = describeAttempt(attempt, valid, peer, settings);
      if (line === undefined) return;
      const isLoud =
        attempt.result === 'accepted' ||
        !valid ||
        attempt.method === 'password' ||
        story.failures >= settings.maxAuthTries / 2;
      say(isLoud ? 'INFO' : 'VERBOSE', line, {
        event: `login-${attempt.result}`,
        method: attempt.method,
        key: attempt.key && configuredFingerprint(attempt.key, settings),
      });
      if (attempt.reason !== undefined) say('DEBUG1', `${attempt.method}: ${attempt.reason}`);
      if (attempt.error !== undefined) say('ERROR', `${attempt.method}: ${messageOf(attempt.error)}`);
    },
    onLogin(connection) {
      const story = storyOf(connection.peer);
      story.isLoggedIn = true;
      story.release();
    },
    onDisconnect(error, peer) {
      const story = storyOf(peer);
      const { isLoggedIn } = story;
      story.release();
      const tail = isLoggedIn ? '' : ' [preauth]';
      const say = admission.logFor(peer);
      // A balancer's look at whether we are alive.
      const isCheck = peer.isBalancer === true && story.user === undefined;
      for (const [level, text] of describeEnd(error, nameOf(peer), peer, isLoggedIn)) {
        say(isCheck ? 'DEBUG1' : level, `${text}${tail}`, { event: 'end', code: error.code });
      }
      const kind = isLoggedIn ? undefined : offence(error, story, admission, peer);
      if (kind !== undefined) limits.penalise(peer, kind, log);
    },
    onError: (error, peer) => admission.logFor(peer)('ERROR', `${describe(peer)}: ${messageOf(error)}`),
    log: (level, text, peer) => admission.logFor(peer)(`DEBUG${level}`, text),
  };
}

/** What a connection that ended before login is penalised for. */
function offence(error: SshError, story: Story, admission: Admission, peer: Peer): PenaltyKind | undefined {
  const candidate = admission.find(peer);
  if (candidate?.settings.refuseConnection) return 'refuseconnection';
  // The server's own end.
  if (error.code === 'closed') return undefined;
  if (error.code === 'timeout') return 'grace-exceeded';
  if (error.code === 'misuse') return 'crash';
  if (candidate?.isValid === false) return 'invaliduser';
  return story.hasTried ? 'authfail' : 'noauth';
}

/** `Accepted publickey for ada from 192.0.2.1 port 50022 ssh2: ED25519 SHA256:…`; undefined where OpenSSH says nothing. */
function describeAttempt(
  attempt: AuthAttempt,
  isValid: boolean,
  peer: Peer,
  settings: NameSettings & { readonly usePam: boolean },
): string | undefined {
  const words = { accepted: 'Accepted', partial: 'Partial', failed: 'Failed', answered: 'Postponed' } as const;
  const { result } = attempt;
  if (result === 'abandoned' || result === 'malformed') return undefined;
  // A question for the methods there are: fail2ban would count it as a guess.
  if (attempt.method === 'none' && result === 'failed') return undefined;
  const who = `${isValid ? '' : 'invalid user '}${loggedName(attempt.user)}`;
  const key = attempt.key === undefined ? '' : `: ${describeKey(attempt.key, settings)}`;
  return `${words[result]} ${methodName(attempt.method, settings)} for ${who} from ${describe(peer)} ssh2${key}`;
}

/** PAM is the device that OpenSSH's dialogues come from; as anybody but root the system's own means are. */
function methodName(method: string, { usePam }: { readonly usePam: boolean }): string {
  return method === 'keyboard-interactive' && usePam && process.getuid?.() === 0 ? `${method}/pam` : method;
}

type Line = readonly [level: 'INFO' | 'VERBOSE' | 'ERROR', text: string];

function describeEnd(error: SshError, name: string, peer: Peer, isLoggedIn: boolean): Line[] {
  const { code, message, stage, side } = error;
  switch (code) {
    case 'disconnected': {
      const [, reason = '0', text = ''] = /^Received disconnect: (\d+): (.*)$/s.exec(message) ?? [];
      // A client that ends in good order says 11, "disconnected by user".
      const level = reason === '11' || reason === '14' ? 'INFO' : 'ERROR';
      return [
        [level, `Received disconnect from ${describe(peer)}:${reason}: ${text}`],
        ['INFO', `Disconnected from ${name}`],
      ];
    }
    case 'connection-lost': {
      const { code: system } = (error.cause ?? {}) as NodeJS.ErrnoException;
      const verb = system === 'ECONNRESET' ? 'Connection reset by' : 'Connection closed by';
      return [[isLoggedIn ? 'VERBOSE' : 'INFO', `${verb} ${name}`]];
    }
    case 'no-common-algorithm':
      return [['INFO', `Unable to negotiate with ${describe(peer)}: ${message}`]];
    case 'timeout':
      if (isLoggedIn) return [['INFO', `Timeout, client not responding from ${name}`]];
      return [['INFO', `Timeout before authentication for ${describe(peer)}`]];
    case 'auth-failed':
      return [
        ['ERROR', `maximum authentication attempts exceeded for ${who(name)} from ${describe(peer)} ssh2`],
        ['INFO', `Disconnecting ${name}: Too many authentication failures`],
      ];
    case 'closed':
      return [['VERBOSE', `Connection closed: ${name}: ${message}`]];
    default:
      if (stage === 'identification') {
        return [['INFO', `banner exchange: Connection from ${describe(peer)}: ${message}`]];
      }
      if (side === 'peer') return [['INFO', `Disconnecting ${name}: ${message}`]];
      return [['ERROR', `${name}: ${message}`]];
  }
}

/** `invalid user x` or `x` out of `authenticating user x 192.0.2.1 port 50022`. */
function who(name: string): string {
  return name.replace(/^authenticating user /, '').replace(/ \S+ port \d+$/, '');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
