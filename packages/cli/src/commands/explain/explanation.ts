/** What `nacre explain` found out. This is the shape that --json prints, documented in docs/guide/configuration.md. */
import type { ConfigPlace } from '@nacre/ssh/config';
import type { SettingsJson } from '../ssh/config-json.ts';

export interface Explanation {
  readonly host: HostFacts;
  readonly files: readonly FileFact[];
  readonly blocks: readonly BlockFact[];
  readonly settings: SettingsJson;
  readonly way: WayFacts;
  readonly keys: KeysFacts;
  readonly knownHosts: KnownHostsFacts;
  /** Lines that were read and change nothing. */
  readonly withoutEffect: readonly LineFact[];
  readonly problems: readonly Problem[];
  /** Null without --connect. */
  readonly probe: ProbeFacts | null;
}

export interface HostFacts {
  readonly typed: string;
  /** What is connected to. */
  readonly name: string;
  readonly port: number;
  readonly user: string;
}

export interface FileFact {
  readonly file: string;
  readonly state: 'read' | 'absent';
}

export interface LineFact extends ConfigPlace {
  readonly text: string;
}

export interface BlockFact extends LineFact {
  readonly applies: boolean;
  /** What decided: a pattern or a criterion. */
  readonly because: string | null;
  /** Commands of `Match exec` that were run. */
  readonly ran: readonly { readonly command: string; readonly status: number }[];
  /** 2 where the files were read again, for a canonical name or `Match final`. */
  readonly pass: 1 | 2;
}

export interface WayFacts {
  readonly kind: 'straight' | 'jump-hosts' | 'command';
  /** The jump hosts in the order in which they are connected to, those of jump hosts among them. */
  readonly jumpHosts: readonly HostFacts[];
  /** The line that is given to the shell: of the host itself, or of the first jump host. */
  readonly command: string | null;
}

export interface KeysFacts {
  /** The agent's socket; null where none is asked. */
  readonly agent: string | null;
  /** Why nothing came of it. */
  readonly agentFailure: string | null;
  /** In the order in which they are offered; those that are not, too, and why. */
  readonly keys: readonly KeyFact[];
}

export interface KeyFact {
  /** Null for a key that only the agent has. */
  readonly file: string | null;
  /** Where the file was named; null for the default files. */
  readonly origin: ConfigPlace | null;
  readonly state: 'file' | 'agent' | 'absent' | 'unusable';
  readonly type: string | null;
  readonly bits: number | null;
  readonly fingerprint: string | null;
  readonly comment: string | null;
  /** Whether a passphrase protects the file; null where that is not known. */
  readonly encrypted: boolean | null;
  /** Permission bits: `0600`. */
  readonly mode: string | null;
  readonly certificates: readonly CertificateFact[];
  readonly offered: boolean;
  /** Why it is not offered. */
  readonly reason: string | null;
}

export interface CertificateFact {
  readonly file: string;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Null for no end. */
  readonly validBefore: string | null;
  readonly isValid: boolean;
}

export interface KnownHostsFacts {
  /** The name that is looked up. */
  readonly name: string;
  readonly files: readonly FileFact[];
  readonly lines: readonly KnownHostLine[];
}

export interface KnownHostLine extends ConfigPlace {
  readonly type: string;
  readonly fingerprint: string;
  readonly marker: 'cert-authority' | 'revoked' | null;
  readonly isHashed: boolean;
  /** It knows the host by its name alone, and the port is another. */
  readonly isWithoutPort: boolean;
}

export interface Problem {
  /** `error`: it will not work, or gives something away. `warning`: it weakens. `note`: worth knowing. */
  readonly level: 'error' | 'warning' | 'note';
  readonly code: string;
  readonly message: string;
  /** Where it was said; null where nowhere. */
  readonly origin: ConfigPlace | null;
}

/** What --connect saw, of the host itself or of the first jump host. Nobody logged in. */
export interface ProbeFacts {
  readonly host: string;
  readonly port: number;
  readonly addresses: readonly string[];
  readonly address: string | null;
  readonly identification: string | null;
  readonly hostKey: { readonly type: string; readonly fingerprint: string } | null;
  /** What the files say of the key: trusted, trusted-ca, unknown, changed, revoked. */
  readonly verdict: string | null;
  readonly error: string | null;
}
