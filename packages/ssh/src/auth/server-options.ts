/** What a server decides logins by, and what a login gives it. */
import type { PublicKey, VerifyOptions } from '../keys/types.ts';
import type { Clock } from '../transport/link.ts';
import type { Prompt } from './messages.ts';

/**
 * Options of {@link authenticateServer}. `G` is the caller's grant: whatever a handler gives for a credential it accepts
 * (options of an authorized_keys line, restrictions of a certificate). A grant is used only for the credential that was proved.
 *
 * A method exists when its handler is given. A handler that throws refuses.
 */
export interface ServerAuthOptions<G> {
  readonly clock: Clock;
  /** Text shown before login, asked for once with the first user name. */
  readonly banner?: string | ((user: string) => string | undefined);
  /** Methods in use, of those with a handler. Default: all of them. */
  readonly methods?: readonly string[];
  /**
   * OpenSSH's AuthenticationMethods: alternatives, each a list of methods that must succeed in this order. `publickey` twice
   * means two different keys. Default: any one method.
   */
  readonly requiredMethods?: readonly (readonly string[])[];

  /**
   * Decides whether a key may log in as a user. Asked when the client queries and again when it signs, and whether or not the
   * signature is right; so it must only decide and remember nothing (Go CVE-2024-45337).
   */
  publicKey?(request: PublicKeyAuthRequest): Promise<G | undefined>;
  /** What the signature must show for a key with this grant (`no-touch-required`, `verify-required`). Default: presence. */
  signatureOptions?(grant: G): VerifyOptions;
  /** Decides a password; `{ changePrompt }` asks the client for a new one and grants nothing yet. */
  password?(request: PasswordAuthRequest): Promise<G | PasswordChangeNeeded | undefined>;
  /** Asks the client what it likes, in as many rounds as it likes, and decides. `ask` rejects when the client walks away. */
  keyboardInteractive?(request: KeyboardInteractiveAuthRequest, ask: Ask): Promise<G | undefined>;
  /**
   * Decides whether a host may vouch for a user of its own (`hostbased`): whether the key is that host's, and the user the same
   * one here. The name of the host is the client's word.
   */
  hostBased?(request: HostBasedAuthRequest): Promise<G | undefined>;
  /** Lets users in without any proof. */
  none?(request: { readonly user: string }): Promise<G | undefined>;

  /**
   * What is different for one user: called once, with the name that the client gave first, before anything is decided. What it
   * throws ends the connection.
   */
  rulesFor?(user: string): Promise<UserAuthRules>;

  /** One grant out of those of all steps, with the restrictions of every one of them. Called with one or more. */
  merge(grants: readonly G[]): G;
  /**
   * The last word on every login, whatever the methods were: the place where restrictions are enforced (source address,
   * expiry, locked accounts). Undefined refuses; a {@link LoginEnd} refuses for good.
   */
  gate(login: LoginSummary, grant: G): Promise<G | LoginEnd | undefined>;

  /** Text shown when all is decided, just before the login succeeds. */
  lastWords?(login: LoginSummary): string | undefined;

  /** Public key algorithm names clients may use. Default: {@link defaultSignatureAlgorithms}. */
  readonly signatureAlgorithms?: readonly string[];
  /** The same for the keys of hosts that vouch. Default: as `signatureAlgorithms`. */
  readonly hostBasedAlgorithms?: readonly string[];
  /** Least size of RSA keys. Default: limits.minRsaBits. */
  readonly requiredRsaBits?: number;
  /** Empty passwords are refused without asking the handler unless this is set. */
  readonly permitEmptyPasswords?: boolean;
  /** Failures before the client is disconnected. Default: limits.maxAuthAttempts. */
  readonly maxAttempts?: number;
  /** Messages of every kind before the client is disconnected. Default: limits.maxAuthRequests. */
  readonly maxRequests?: number;
  /** Failures are answered this long after the request, or a power of two times it. Default: limits.authFailureDelayMs. */
  readonly failureDelayMs?: number;
  /** For logs and counters: every request that was decided. */
  onAttempt?(attempt: AuthAttempt): void;
  readonly signal?: AbortSignal;
}

/** The options that may differ from user to user. */
export type UserAuthRules = Pick<
  ServerAuthOptions<unknown>,
  | 'banner'
  | 'methods'
  | 'requiredMethods'
  | 'signatureAlgorithms'
  | 'hostBasedAlgorithms'
  | 'requiredRsaBits'
  | 'permitEmptyPasswords'
  | 'maxAttempts'
>;

export interface PublicKeyAuthRequest {
  readonly user: string;
  /** The key or certificate the client offers. */
  readonly key: PublicKey;
  /** The public key algorithm name: `ssh-ed25519`, `rsa-sha2-512`, `rsa-sha2-512-cert-v01@openssh.com` … */
  readonly algorithm: string;
}

export interface HostBasedAuthRequest {
  readonly user: string;
  /** The host key or host certificate that signed. */
  readonly key: PublicKey;
  readonly algorithm: string;
  /** As the client sent it, OpenSSH with a dot at its end. */
  readonly clientHost: string;
  readonly clientUser: string;
}

export interface PasswordAuthRequest {
  readonly user: string;
  readonly password: string;
  /** There when the client changes its password. */
  readonly newPassword?: string;
}

export interface PasswordChangeNeeded {
  readonly changePrompt: string;
}

export interface KeyboardInteractiveAuthRequest {
  readonly user: string;
  /** The devices the client would like; a hint, often empty. */
  readonly devices: readonly string[];
}

export interface AskTexts {
  readonly name?: string;
  readonly instruction?: string;
}

/** Sends prompts (none is allowed) and gives one answer for each. */
export type Ask = (prompts: readonly Prompt[], texts?: AskTexts) => Promise<string[]>;

/** A refusal that ends the connection: whatever else the client could try, this account is not let in. */
export class LoginEnd {
  /** Shown to the person before the end, if there is any. */
  readonly banner: string;

  constructor(banner = '') {
    this.banner = banner;
  }
}

/** A login whose every step succeeded. */
export interface LoginSummary {
  readonly user: string;
  /** The methods, in order. */
  readonly methods: readonly string[];
  /** The keys that were proved, in order. */
  readonly keys: readonly PublicKey[];
}

/** What became of one request. */
export interface AuthAttempt {
  /** As the client sent it: write control characters out before it goes to a log. */
  readonly user: string;
  readonly method: string;
  /**
   * `answered`: a key query or password change got an answer that grants nothing; `partial`: right, and more is needed;
   * `abandoned`: the client left a dialogue; `malformed`: it could not be read and ends the connection.
   */
  readonly result: 'accepted' | 'partial' | 'answered' | 'failed' | 'abandoned' | 'malformed';
  /** Why it failed, for the server's own log; the client is never told. */
  readonly reason?: string;
  readonly key?: PublicKey;
  /** What a handler threw. */
  readonly error?: unknown;
}

/** A login that succeeded. */
export interface ServerAuthResult<G> extends LoginSummary {
  readonly grant: G;
}
