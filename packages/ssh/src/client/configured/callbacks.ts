/** What settings ask of a person and tell one; all of it optional, so that a program without a person connects as in batch mode. */
import type { ClientAuthOptions } from '../../auth/index.ts';
import type { HostKeyVerdict } from '../../trust/index.ts';
import type { HostKeyQuestion } from '../host-key-policy.ts';
import type { AddressMismatch, DnsFinding, UnknownHostQuestion } from '../known-hosts-options.ts';
import type { HostKeyUpdate } from '../learn-host-keys.ts';
import type { ConnectOptions } from '../options.ts';
import type { TrustEventLevel } from '../trust-event.ts';

/** Questions: each is asked only where the settings ask for it, and never in BatchMode. Without an answerer the answer is no. */
export interface ConfiguredQuestions {
  /** StrictHostKeyChecking=ask and a host that no file knows; only true is a yes. */
  readonly onUnknownHost?: (question: UnknownHostQuestion) => Promise<boolean>;
  /** CheckHostIP with StrictHostKeyChecking=ask: the name's key is good, its address is known by another. */
  readonly onAddressMismatch?: (mismatch: AddressMismatch) => Promise<boolean>;
  /** UpdateHostKeys=ask: the server has proved further keys. */
  readonly onHostKeyUpdate?: (update: HostKeyUpdate) => Promise<boolean>;
  /** AddKeysToAgent=ask: whether a key file that was opened goes into the agent. */
  readonly onAddKey?: (path: string, comment: string) => Promise<boolean>;
  readonly passphrase?: (path: string, attempt: number) => Promise<string | undefined>;
  readonly password?: NonNullable<ClientAuthOptions['password']>;
  readonly changePassword?: NonNullable<ClientAuthOptions['changePassword']>;
  readonly keyboardInteractive?: NonNullable<ClientAuthOptions['keyboardInteractive']>;
}

/** Things told, in the order in which they happen. */
export interface ConfiguredNews {
  /** Worth a line to a person: what went wrong and did not end the connection. OpenSSH's level ERROR. */
  readonly onWarning?: (text: string) => void;
  /** Worth a line to a person: a host that was added. OpenSSH's level INFO. */
  readonly onNotice?: (text: string) => void;
  /** Everything else, for a log. */
  readonly log?: (level: Exclude<TrustEventLevel, 'error' | 'info'>, text: string) => void;
  /** What the known_hosts files say of the server's key, before anything is done about it. */
  readonly onVerdict?: (verdict: HostKeyVerdict, question: HostKeyQuestion) => void;
  /** What DNS says of it, where it says anything (VerifyHostKeyDNS). */
  readonly onDns?: (finding: DnsFinding, question: HostKeyQuestion) => void;
  /**
   * StrictHostKeyChecking=no goes on with a key that is not the one on file. Nothing secret is asked for after it; whoever
   * forwards ports, an agent or a display has to leave that.
   */
  readonly onMismatchAccepted?: (verdict: HostKeyVerdict, question: HostKeyQuestion) => void;
  readonly onKeyFailure?: NonNullable<ConnectOptions['onKeyFailure']>;
  readonly onUnusableKey?: NonNullable<ConnectOptions['onUnusableKey']>;
  readonly onBanner?: NonNullable<ClientAuthOptions['onBanner']>;
  readonly onFailure?: NonNullable<ClientAuthOptions['onFailure']>;
}

export interface ConfiguredCallbacks extends ConfiguredQuestions, ConfiguredNews {}
