/** What the server and its PAM processes say to each other, a line of JSON each. */

/** The word behind `sshd` that makes the program a process which asks PAM. */
export const pamWord = '--ask-pam';

/** Whom a transaction is about; plain data, so that it may cross from process to process. */
export interface PamSubject {
  /** The name of the rules in /etc/pam.d. */
  readonly service: string;
  readonly user: string;
  readonly remoteHost: string;
  /** What modules find in the PAM environment: SSH_CONNECTION, and at the end of a session what its start gave. */
  readonly environment: Readonly<Record<string, string>>;
}

export type PamOrder =
  | (PamSubject & {
      readonly kind: 'login';
      /** An account without a password may be logged in to without one. */
      readonly allowEmpty: boolean;
      /** A token that is too old may be changed at once, in the same dialogue. */
      readonly changesToken: boolean;
    })
  | (PamSubject & { readonly kind: 'account' })
  | (PamSubject & { readonly kind: 'close' });

export interface PamAnswer {
  /** Null fails the conversation. */
  readonly answer: string | null;
}

export interface PamText {
  readonly style: 'secret' | 'question' | 'error' | 'info';
  readonly text: string;
}

export type PamReply =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'message' } & PamText)
  /** What follows belongs to the account's judgement, or to the change of a token. */
  | { readonly kind: 'phase'; readonly phase: 'account' | 'token' }
  /** `isAbsent`: there is no PAM here at all. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isAbsent: boolean }
  | {
      readonly kind: 'done';
      readonly code: number;
      /** PAM's words: `Authentication failure`. */
      readonly text: string;
      /** `change`: with another password only. */
      readonly account: 'good' | 'change' | 'denied' | 'unknown';
      /** How long the modules would have whoever failed wait. */
      readonly delayMs: number;
      readonly environment: Readonly<Record<string, string>>;
    };
