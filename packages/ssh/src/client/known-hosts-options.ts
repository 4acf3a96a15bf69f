/** What a known_hosts policy is told, and what it asks and tells. */
import type { FingerprintHash } from '../keys/index.ts';
import type { HostKeyVerdict, KnownHostsEntry } from '../trust/index.ts';
import type { SshfpAnswer } from './dns/look-up-sshfp.ts';
import type { HostKeyQuestion } from './host-key-policy.ts';
import type { KnownHostsCommand } from './known-hosts-command.ts';
import type { HostKeyUpdate } from './learn-host-keys.ts';
import type { OnTrustEvent } from './trust-event.ts';

export interface KnownHostsOptions {
  /** Files of the user; the first one is written to. Default `~/.ssh/known_hosts` and `known_hosts2`. */
  readonly userFiles?: readonly string[];
  /** Files of the machine. Default `/etc/ssh/ssh_known_hosts` and `ssh_known_hosts2`. */
  readonly globalFiles?: readonly string[];
  /** Gives further lines for each host (KnownHostsCommand): `knownHostsCommand('/usr/local/bin/host-keys %H')`. */
  readonly command?: KnownHostsCommand;
  /** Files of keys that are refused whatever else is said of them (RevokedHostKeys). */
  readonly revokedFiles?: readonly string[];
  /**
   * What to do with a host that no file knows: refuse it (the default), remember its key from now on, or ask: a function
   * that shows the question to a person and resolves to true only for a yes. A key that has *changed* is always refused.
   */
  readonly onUnknown?: 'refuse' | 'accept-new' | ((question: UnknownHostQuestion) => Promise<boolean>);
  /** The name to look up and remember in place of host and port (HostKeyAlias). */
  readonly alias?: string;
  /** What the files say of a host's key, before anything is done about it: for logs, and for warnings that name the lines. */
  readonly onVerdict?: (verdict: HostKeyVerdict, question: HostKeyQuestion) => void;
  /**
   * Goes on with a key that has changed or is revoked where it returns true. Anybody on the way can then read and change
   * everything, so whoever says yes must give no password away afterwards (`StrictHostKeyChecking=no`).
   */
  readonly acceptMismatchWithoutVerification?: (verdict: RefusedHostKey, question: HostKeyQuestion) => boolean;
  /**
   * Accepts any key of a server on this machine's loopback addresses, unless there is an alias: a home folder on many machines
   * knows many a localhost (NoHostAuthenticationForLocalhost).
   */
  readonly acceptLocalhostWithoutVerification?: boolean;
  /** Look the address up as well, remember it, and tell where it is known by another key (CheckHostIP). */
  readonly checkAddress?: boolean;
  /**
   * The name's key is good and the address is known by another: refuse (the default), go on, or ask. The person may have been led
   * to another machine with a stolen key, or the address may have a new owner.
   */
  readonly onAddressMismatch?: 'refuse' | 'go-on' | ((mismatch: AddressMismatch) => Promise<boolean>);
  /** Ask DNS for fingerprints of the host's keys (VerifyHostKeyDNS). */
  readonly dns?: {
    /** Trust a key whose fingerprint DNSSEC proves, without looking any further (`yes`); otherwise it only informs (`ask`). */
    readonly trustSecure: boolean;
    /** `lookUpSshfp`, unless the caller has a resolver of its own. */
    readonly lookUp?: (host: string) => Promise<SshfpAnswer>;
  };
  /** What DNS says of the key, where it says anything. A mismatch is worth a loud warning. */
  readonly onDns?: (finding: DnsFinding, question: HostKeyQuestion) => void;
  /**
   * Learn the keys that the server announces after login, once it has proved them, and take out those it no longer has
   * (UpdateHostKeys). With a function, a person is asked first.
   */
  readonly learn?: boolean | ((update: HostKeyUpdate) => Promise<boolean>);
  /** Host key algorithms to offer, known ones moved to the front. Default: all that are not legacy. */
  readonly algorithms?: readonly string[];
  /** Signature algorithms of certificate authorities (CASignatureAlgorithms). Default: all that are not legacy. */
  readonly authorityAlgorithms?: readonly string[];
  /** Write names hashed, so that the file does not tell where its owner goes. */
  readonly hashNames?: boolean;
  /** For fingerprints in notices and events. Default sha256. */
  readonly fingerprintHash?: FingerprintHash;
  /** Told of what is worth a line to the person: a host that was added, a line that cannot be read. */
  readonly onNotice?: (text: string) => void;
  /** Told of everything else, in OpenSSH's words and with its log levels. */
  readonly onEvent?: OnTrustEvent;
}

/** An unknown host, for the person who decides. */
export interface UnknownHostQuestion extends HostKeyQuestion {
  readonly fingerprint: string;
  /** Types of other keys known for this name. */
  readonly otherTypes: readonly string[];
  /** Other names with this very key: a machine that is known by another name, or one key on many machines. */
  readonly otherNames: readonly OtherName[];
  /** Whether DNS has this key's fingerprint; undefined where DNS was not to be asked. Proof only where DNSSEC made it one. */
  readonly isInDns: boolean | undefined;
}

/** The verdicts that refuse a key whatever anybody says. */
export type RefusedHostKey = Extract<HostKeyVerdict, { status: 'changed' | 'revoked' }>;

/** Another name that the files know the same key by. */
export interface OtherName {
  readonly file: string;
  readonly line: number;
  /** Undefined where the name is hashed. */
  readonly hosts: string | undefined;
}

/** A name and its address that are known by different keys. */
export interface AddressMismatch extends HostKeyQuestion {
  /** The line that knows the address by another key. */
  readonly addressLine: KnownHostsEntry;
  /** The line that knows the name by this key, where there is one. */
  readonly hostLine: KnownHostsEntry | undefined;
  /** The warning, in OpenSSH's words: several lines. */
  readonly text: string;
}

export interface DnsFinding {
  /** `mismatch` also where there are records of other keys only: a key that is not named there is another. */
  readonly result: 'match' | 'mismatch';
  /** DNSSEC proved it, by the word of a resolver that this machine trusts. */
  readonly secure: boolean;
}
