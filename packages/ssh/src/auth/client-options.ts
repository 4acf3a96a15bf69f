/** What a client needs to log in, and what it learns from it. */
import type { Signer } from '../keys/types.ts';
import type { Prompt } from './messages.ts';

/** Options of {@link authenticateClient}. */
export interface ClientAuthOptions {
  readonly user: string;
  /**
   * Keys to offer, in this order. Each is asked for only when its turn comes, and asked to sign only after the server said that
   * it would accept the key; so a signer may wait until then with asking for a passphrase. One that says `signsUnasked` may be
   * asked at once.
   */
  readonly signers?: readonly Signer[] | AsyncIterable<Signer>;
  /** Gives a password; undefined gives up on passwords. `attempt` counts from 1. */
  password?(request: PasswordRequest): Promise<string | undefined>;
  /** Gives a new password where the server wants the old one changed; undefined gives up on passwords. */
  changePassword?(request: PasswordChangeRequest): Promise<PasswordChangeAnswer | undefined>;
  /** Answers the server's prompts, one answer each; undefined gives up on keyboard-interactive. Called with no prompts as well. */
  keyboardInteractive?(request: KeyboardInteractiveRequest): Promise<readonly string[] | undefined>;
  /** Gives the host keys of this machine, which vouch for its user (`hostbased`); asked once, where the server takes that. */
  hostBased?(): Promise<HostBasedIdentity | undefined>;
  /** Public key algorithm names for them, preferred first. Default: {@link defaultSignatureAlgorithms}. */
  readonly hostBasedAlgorithms?: readonly string[];
  /** Methods to use, preferred first. Default: hostbased, publickey, keyboard-interactive, password, as far as there is anything for them. */
  readonly preferredMethods?: readonly string[];
  /** Devices to name in a keyboard-interactive request (RFC 4256 §3.1 "submethods"); the server chooses where none is named. */
  readonly keyboardInteractiveDevices?: readonly string[];
  /** Attempts with a password, and with keyboard-interactive. Default 3. */
  readonly numberOfPasswordPrompts?: number;
  /** Public key algorithm names that may be used, preferred first. Default: {@link defaultSignatureAlgorithms}, without SHA-1. */
  readonly signatureAlgorithms?: readonly string[];
  /**
   * Whether signatures are bound to the server's host key (publickey-hostbound-v00@openssh.com): where the server offers it
   * (`auto`, the default), never, or always, in which case keys are not used with servers that do not offer it.
   */
  readonly hostBound?: 'auto' | 'never' | 'always';
  /**
   * Refuses a login in which nothing was proved: the server accepted "none", or asked no question. Such a login lets a server
   * go on at once and show prompts of its own that look like ours (Dropbear CVE-2021-36369). Default false, as OpenSSH has it.
   */
  readonly requireMethod?: boolean;
  /** Text the server wants shown before login, control characters written out. */
  onBanner?(text: string, language: string): void;
  /** Every refusal: the methods that may continue, and whether the last step succeeded and more are needed. */
  onFailure?(methods: readonly string[], partialSuccess: boolean): void;
  log?(level: 'debug' | 'verbose' | 'info', text: string): void;
  readonly signal?: AbortSignal;
}

/** How this machine vouches for its user. */
export interface HostBasedIdentity {
  /** This machine's name, as the server is to know it: fully qualified and with a dot at its end, as OpenSSH has it. */
  readonly clientHost: string;
  /** Who the user is on this machine. */
  readonly clientUser: string;
  /** Host keys that can sign. */
  readonly signers: readonly Signer[];
}

export interface PasswordRequest {
  readonly user: string;
  readonly attempt: number;
  /** A prompt to show. */
  readonly prompt: string;
}

export interface PasswordChangeRequest {
  readonly user: string;
  /** The server's words, control characters written out. */
  readonly prompt: string;
  readonly language: string;
  /** How often the server has asked for a new password in a row, counted from 1. */
  readonly attempt: number;
}

export interface PasswordChangeAnswer {
  /** The old password; default the one that was just sent. */
  readonly oldPassword?: string;
  readonly newPassword: string;
}

/** A set of prompts of the server, texts with control characters written out. */
export interface KeyboardInteractiveRequest {
  readonly user: string;
  readonly name: string;
  readonly instruction: string;
  readonly prompts: readonly Prompt[];
}

/** A login that succeeded. */
export interface ClientAuthResult {
  /** The methods that succeeded, in order: `['none']`, `['publickey', 'keyboard-interactive']` … */
  readonly methods: readonly string[];
  /** False where the server let us in without a signature, a password or an answer. */
  readonly proved: boolean;
  /** What the server wanted shown, if anything. */
  readonly banner: string | undefined;
}
