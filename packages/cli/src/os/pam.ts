/** Linux-PAM by way of libpam: one transaction, every call of which blocks. Only for processes that have nothing else to do. */
import { SshError } from '@nacre/ssh/errors';
import { loadKoffi } from './native.ts';
import { bindPam, type PamLibrary } from './pam-library.ts';

/** What a module says or asks; an answer is expected to the first two. */
export interface PamMessage {
  readonly style: 'secret' | 'question' | 'error' | 'info';
  readonly text: string;
}

/** Waits for the answer to what is asked; undefined fails the conversation. What it gives for mere words is not used. */
export type PamConverse = (message: PamMessage) => string | undefined;

export interface PamRequest {
  /** The name of the rules in /etc/pam.d. */
  readonly service: string;
  readonly user: string;
  readonly remoteHost: string;
  /** What modules find in the PAM environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** How a call went; `code` is PAM's own number. */
export interface PamOutcome {
  readonly code: number;
  /** PAM's words for it: `Authentication failure`. */
  readonly text: string;
}

/** _pam_types.h; Linux-PAM's numbers, which differ from those of other systems. */
export const pamCodes = {
  success: 0,
  authError: 7,
  userUnknown: 10,
  newTokenRequired: 12,
  conversationError: 19,
} as const;

const flags = { disallowNull: 0x1, establish: 0x2, remove: 0x4, renew: 0x8, changeExpired: 0x20 } as const;
const items = { user: 2, terminal: 3, remoteHost: 4, failDelay: 10 } as const;
const styles = { 1: 'secret', 2: 'question', 3: 'error', 4: 'info' } as const;
/** Modules that look for a terminal (pam_time) are given this word, as by OpenSSH. */
const terminalName = 'ssh';

/** More text in one message is cut: a module's mistake must not cost memory. */
const maxTextBytes = 16 * 1024;
/** A module that goes on asking without end fails. */
const maxMessages = 1000;
const maxVariables = 1000;
const maxVariableBytes = 128 * 1024;

let library: PamLibrary | undefined;

/** One transaction with PAM, from pam_start to pam_end. */
export class PamTransaction {
  readonly #pam: PamLibrary;
  readonly #handle: bigint;
  readonly #user: string;
  readonly #callbacks: readonly bigint[];
  #converse: PamConverse;
  #delayMicroseconds = 0;

  /** @throws SshError `unsupported` where there is no libpam, or PAM cannot start. */
  constructor(request: PamRequest, converse: PamConverse) {
    library ??= bindPam(loadKoffi());
    this.#pam = library;
    this.#user = request.user;
    this.#converse = converse;
    let count = 0;
    const answerAll = (messages: readonly { style: number; text: string }[]): (string | undefined)[] | undefined => {
      const answers: (string | undefined)[] = [];
      for (const { style, text } of messages) {
        const known = styles[style as keyof typeof styles];
        if (known === undefined || ++count > maxMessages) return undefined;
        const answer = this.#converse({ style: known, text });
        const isAsked = known === 'secret' || known === 'question';
        if (isAsked && (answer === undefined || answer.includes('\0'))) return undefined;
        answers.push(isAsked ? answer : undefined);
      }
      return answers;
    };
    const conversation = this.#pam.registerConversation(maxTextBytes, answerAll);
    // In place of a sleep, which would hold up the next login: whoever asked waits.
    const delay = this.#pam.registerDelay((status, microseconds) => {
      if (status !== pamCodes.success) this.#delayMicroseconds = microseconds;
    });
    this.#callbacks = [conversation, delay];
    const started = this.#pam.start(request.service, request.user, conversation);
    if (typeof started === 'number') {
      this.#release();
      throw new SshError(`PAM does not start for the service "${request.service}" (error ${started})`, {
        code: 'operation-failed',
        stage: 'auth',
        remedy: 'look at /etc/pam.d and at the system log',
      });
    }
    this.#handle = started;
    this.#pam.setText(this.#handle, items.terminal, terminalName);
    this.#pam.setText(this.#handle, items.remoteHost, request.remoteHost);
    this.#pam.setPointer(this.#handle, items.failDelay, delay);
    for (const [name, value] of Object.entries(request.environment ?? {})) this.putVariable(name, value);
  }

  /** Who answers from now on. */
  converseWith(converse: PamConverse): void {
    this.#converse = converse;
  }

  /** The time that whoever failed is to wait, as the modules want it. */
  get delayMs(): number {
    return Math.ceil(this.#delayMicroseconds / 1000);
  }

  authenticate(allowEmpty: boolean): PamOutcome {
    return this.#sameUser(this.#pam.call('pam_authenticate', this.#handle, allowEmpty ? 0 : flags.disallowNull));
  }

  /** Whether the account may be used now. */
  checkAccount(): PamOutcome {
    return this.#sameUser(this.#pam.call('pam_acct_mgmt', this.#handle, 0));
  }

  /** Has the user choose a new password, where the old one is too old. */
  changeExpiredToken(): PamOutcome {
    return this.#outcome(this.#pam.call('pam_chauthtok', this.#handle, flags.changeExpired));
  }

  /** To be asked for with the ids of root, before the session is opened. */
  establishCredentials(): PamOutcome {
    return this.#outcome(this.#pam.call('pam_setcred', this.#handle, flags.establish));
  }

  /** After the groups have been set anew: modules add theirs again. */
  renewCredentials(): PamOutcome {
    return this.#outcome(this.#pam.call('pam_setcred', this.#handle, flags.renew));
  }

  removeCredentials(): PamOutcome {
    return this.#outcome(this.#pam.call('pam_setcred', this.#handle, flags.remove));
  }

  openSession(): PamOutcome {
    return this.#outcome(this.#pam.call('pam_open_session', this.#handle, 0));
  }

  closeSession(): PamOutcome {
    return this.#outcome(this.#pam.call('pam_close_session', this.#handle, 0));
  }

  putVariable(name: string, value: string): void {
    if (name !== '' && !/[=\0]/.test(name) && !value.includes('\0')) this.#pam.putenv(this.#handle, `${name}=${value}`);
  }

  environment(): Record<string, string> {
    const lines = this.#pam.environment(this.#handle, maxVariables, maxVariableBytes);
    return Object.fromEntries(
      lines.flatMap((line) => {
        const equals = line.indexOf('=');
        return equals > 0 ? [[line.slice(0, equals), line.slice(equals + 1)]] : [];
      }),
    );
  }

  end(code: number = pamCodes.success): void {
    this.#pam.end(this.#handle, code);
    this.#release();
  }

  #outcome(code: number): PamOutcome {
    return { code, text: this.#pam.describe(this.#handle, code) };
  }

  /** A module that maps names to other accounts must not log in somebody else than the server looked at. */
  #sameUser(code: number): PamOutcome {
    const user = this.#pam.getText(this.#handle, items.user, maxTextBytes);
    if (code === pamCodes.success && user !== this.#user) return this.#outcome(pamCodes.userUnknown);
    return this.#outcome(code);
  }

  #release(): void {
    for (const callback of this.#callbacks) this.#pam.unregister(callback);
  }
}
