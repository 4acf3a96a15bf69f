/** Logins by way of PAM: passwords, dialogues and the judgement of accounts, for one server's connections. */

import { SshError } from '@nacre/ssh/errors';
import { LoginEnd, type Peer } from '@nacre/ssh/server';
import type { Admission, Candidate } from './admission.ts';
import type { Settings } from './config/config.ts';
import { loggedName } from './log.ts';
import type { PamService } from './pam-pool.ts';
import type { PamSubject } from './pam-words.ts';
import type { PamAsk, PamResult } from './pam-worker.ts';

/** Who wants to log in. */
interface Applicant {
  readonly user: string;
  readonly settings: Settings;
  /** False for a name that is nobody's, and for one that may not log in so: PAM is asked all the same, and it counts for nothing. */
  readonly isAllowed: boolean;
}

/** What a login by PAM leaves for its sessions: plain data. */
export interface PamLogin {
  /** For the session's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Shown when a shell starts in a terminal. */
  readonly words: string;
  /** The password is too old: nothing is served but its change. */
  readonly mustChangePassword: boolean;
}

/** A session with PAM that another process opens. */
export interface PamSession {
  /** For whom, and by whose rules. */
  readonly subject: PamSubject & { readonly isAuthenticated: boolean };
  /** Ends it, when that process is gone; `environment` is what its start gave. */
  close(environment: Readonly<Record<string, string>>): Promise<void>;
}

type Ask = (
  prompts: readonly { readonly text: string; readonly echo: boolean }[],
  texts?: { readonly instruction?: string },
) => Promise<string[]>;

interface Story {
  environment: Readonly<Record<string, string>>;
  words: string;
  account: PamResult['account'];
  isAuthenticated: boolean;
}

const maxWords = 64 * 1024;

/** Undefined as an answer: there is no PAM here, and the system's own means decide. */
export class PamLogins {
  readonly #admission: Admission;
  readonly #pam: PamService;
  readonly #stories = new WeakMap<Peer, Story>();

  constructor(admission: Admission, pam: PamService) {
    this.#admission = admission;
    this.#pam = pam;
  }

  /** What a connection's login by PAM came to. */
  find(peer: Peer): PamLogin | undefined {
    const story = this.#stories.get(peer);
    if (story === undefined) return undefined;
    return { environment: story.environment, words: story.words, mustChangePassword: story.account === 'change' };
  }

  /** The session of the process that is to be the user's, once all is decided. */
  sessionOf({ account, settings }: Candidate, peer: Peer): PamSession {
    const bare = subjectOf({ user: account.name, settings }, peer);
    const isAuthenticated = this.#stories.get(peer)?.isAuthenticated ?? false;
    const environment = { ...bare.environment, ...this.find(peer)?.environment };
    const subject = { ...bare, environment, isAuthenticated };
    return {
      subject,
      close: async (left) => {
        // A module that cannot be told now is told nothing.
        await this.#pam.closeSession({ ...bare, environment: left }).then(undefined, () => {});
      },
    };
  }

  /** The password answers whatever is asked in secret; a question that is not fails. */
  async checkPassword(applicant: Applicant, password: string, peer: Peer): Promise<boolean | undefined> {
    const given = applicant.isAllowed ? password : junkLike(password);
    const answer: PamAsk = async ({ style, text }) => {
      if (style === 'secret') return given;
      if (style !== 'question') this.#addWords(peer, `${text}\n`);
      return undefined;
    };
    const result = await this.#authenticate(applicant, peer, answer, false);
    // What was junk and let in all the same, by a rule that lets in everybody, is nobody's login.
    return result === undefined ? undefined : result.isGood && applicant.isAllowed;
  }

  /** Each question goes to the client by itself, with all that was said before it. */
  async converse(applicant: Applicant, ask: Ask, peer: Peer): Promise<boolean | undefined> {
    const { isAllowed } = applicant;
    let said = '';
    const answer: PamAsk = async ({ style, text }) => {
      if (style === 'info' || style === 'error') {
        said = `${said}${text}\n`.slice(-maxWords);
        return undefined;
      }
      const prompt = `${said}${text}`;
      said = '';
      const [given = ''] = await ask([{ text: prompt, echo: style === 'question' }]);
      return isAllowed ? given : junkLike(given);
    };
    const result = await this.#authenticate(applicant, peer, answer, true);
    if (result === undefined) return undefined;
    const isGood = result.isGood && isAllowed && result.account !== 'denied';
    if (isGood) {
      this.#addWords(peer, said);
      return true;
    }
    if (isAllowed && result.account === 'denied') said += result.accountWords;
    if (said !== '') {
      await ask([], { instruction: said });
      return false;
    }
    const who = `${this.#admission.find(peer)?.isValid ? '' : 'illegal user '}${loggedName(applicant.user)}`;
    const reason = result.account === 'denied' ? 'User account has expired' : result.text;
    this.#admission.logFor(peer)('ERROR', `PAM: ${reason} for ${who} from ${remoteHostOf(peer)}`);
    return false;
  }

  /** Asked once, when all methods have succeeded: what PAM said of an account with the password holds. */
  async checkAccount(applicant: Omit<Applicant, 'isAllowed'>, peer: Peer): Promise<true | LoginEnd | undefined> {
    const story = this.#storyOf(peer);
    if (story.account === 'unknown') {
      const result = await this.#ask(peer, () =>
        this.#pam.checkAccount(subjectOf(applicant, peer), limitOf(applicant)),
      );
      if (result === undefined) return undefined;
      this.#note(story, result);
    }
    if (story.account === 'good' || story.account === 'change') return true;
    this.#admission.logFor(peer)(
      'FATAL',
      `Access denied for user ${loggedName(applicant.user)} by PAM account configuration [preauth]`,
      { event: 'user-refused' },
    );
    return new LoginEnd(`${story.words}`);
  }

  async #authenticate(
    applicant: Applicant,
    peer: Peer,
    answer: PamAsk,
    isDialogue: boolean,
  ): Promise<PamResult | undefined> {
    const { settings, isAllowed } = applicant;
    const request = {
      ...subjectOf(applicant, peer),
      allowEmpty: settings.permitEmptyPasswords,
      changesToken: isDialogue,
    };
    const result = await this.#ask(peer, () => this.#pam.authenticate(request, answer, limitOf(applicant)));
    if (result !== undefined && isAllowed && result.account !== 'unknown') {
      this.#note(this.#storyOf(peer), result);
      if (result.isGood) this.#storyOf(peer).isAuthenticated = true;
    }
    return result;
  }

  /** Undefined where there is no PAM; whatever else goes wrong lets nobody in. */
  async #ask(peer: Peer, question: () => Promise<PamResult>): Promise<PamResult | undefined> {
    try {
      return await question();
    } catch (error) {
      if (!(error instanceof SshError) || error.code !== 'unsupported') throw error;
      this.#admission.logFor(peer)('DEBUG1', error.message);
      return undefined;
    }
  }

  #note(story: Story, { account, accountWords, environment }: PamResult): void {
    story.account = account;
    story.environment = { ...story.environment, ...environment };
    story.words = `${story.words}${accountWords}`.slice(-maxWords);
  }

  #addWords(peer: Peer, text: string): void {
    const story = this.#storyOf(peer);
    story.words = `${story.words}${text}`.slice(-maxWords);
  }

  #storyOf(peer: Peer): Story {
    let story = this.#stories.get(peer);
    if (story === undefined) {
      story = { environment: {}, words: '', account: 'unknown', isAuthenticated: false };
      this.#stories.set(peer, story);
    }
    return story;
  }
}

function subjectOf({ user, settings }: Omit<Applicant, 'isAllowed'>, peer: Peer): PamSubject {
  const local = `${peer.localAddress ?? 'UNKNOWN'} ${peer.localPort ?? 65535}`;
  return {
    service: settings.pamServiceName ?? 'sshd',
    user,
    remoteHost: remoteHostOf(peer),
    environment: { SSH_CONNECTION: `${peer.address ?? 'UNKNOWN'} ${peer.port ?? 65535} ${local}` },
  };
}

function remoteHostOf(peer: Peer): string {
  return peer.hostName ?? peer.address ?? 'UNKNOWN';
}

/** A module that hangs must not hold a process for longer than the client has time. */
function limitOf({ settings }: Pick<Applicant, 'settings'>): AbortSignal | undefined {
  const seconds = settings.loginGraceSeconds;
  return seconds > 0 ? AbortSignal.timeout(seconds * 1000) : undefined;
}

/** As long as what was typed, and no password of anybody's: the work is that of a wrong one. */
function junkLike(given: string): string {
  const junk = '\b\n\r\x7fINCORRECT';
  return junk.repeat(Math.ceil(given.length / junk.length)).slice(0, given.length);
}
