/** The keys of an agent, in memory: added, removed, locked away, used within their limits, forgotten when their time is up. */
import { createSecurityKeySigner, type SecurityKeyProvider, securityKeyHandle } from '../keys/index.ts';
import type { PrivateKey, Signer } from '../keys/types.ts';
import { maxAgentKeys, maxAgentMessageBytes, maxPatternBytes } from '../limits.ts';
import type { AgentConstraints } from './constraint-types.ts';
import { refuseByDestination, type UnixTime } from './destination-rules.ts';
import type { DestinationConstraint } from './destinations.ts';
import { AgentLock, refused } from './lock.ts';
import { SessionBindings } from './session-bindings.ts';
import { signatureAlgorithmFor } from './signature.ts';
import { isSshsigData, readLoginRequest } from './signed-data.ts';

export interface KeyringOptions {
  /** Milliseconds, monotonic: lifetimes and the wait after a wrong passphrase are counted by it. */
  readonly now: () => number;
  /** Seconds since 1970. Without it, no host certificate counts as that of a destination. */
  readonly unixTime?: UnixTime | undefined;
  /** Lets time pass, so that a guess at the lock waits its time. Without it, a guess too early is refused. */
  readonly wait?: ((milliseconds: number) => Promise<void>) | undefined;
  /** Asks a person whether a key may be used now. Without it, keys that ask for confirmation are not taken. */
  readonly confirm?: ((request: ConfirmRequest) => Promise<boolean>) | undefined;
  /** Lifetime of keys that are added without one. Default: until they are removed. */
  readonly defaultLifetimeSeconds?: number | undefined;
  /** Signs with FIDO tokens. Without it, security keys are not taken. */
  readonly securityKeyProvider?: SecurityKeyProvider | undefined;
  /**
   * Whether a security key of this application may sign data that is neither a login nor a signature of a file. Default:
   * those that begin with `ssh:`, as a web site's key would log in to the web site.
   */
  readonly maySignAnything?: ((application: string) => boolean) | undefined;
}

/** What a person is asked before a key is used that asks for it. */
export interface ConfirmRequest {
  readonly key: PrivateKey;
  readonly comment: string;
  /** The user that would be logged in, where the key is limited to destinations. */
  readonly user: string | undefined;
}

/** What is to be signed, as SSH_AGENTC_SIGN_REQUEST has it. */
export interface SignRequest {
  readonly key: Uint8Array;
  readonly data: Uint8Array;
  /** Which hash an RSA signature is to have (RFC 9987 §3.6.1). */
  readonly flags: number;
}

interface HeldKey {
  readonly key: PrivateKey;
  readonly comment: string;
  readonly signer: Signer;
  readonly expiresAtMs: number;
  readonly confirm: boolean;
  readonly destinations: readonly DestinationConstraint[] | undefined;
}

/** A connection of which nothing is known: a program on this machine. */
const unbound = new SessionBindings();

/**
 * Holds private keys for one user. A certificate and its plain key are two of them.
 *
 *     open --lock--> locked --unlock, right passphrase--> open
 */
export class Keyring {
  readonly #options: KeyringOptions;
  readonly #lock: AgentLock;
  #keys: HeldKey[] = [];

  constructor(options: KeyringOptions) {
    this.#options = options;
    this.#lock = new AgentLock(options);
  }

  get locked(): boolean {
    return this.#lock.locked;
  }

  /** The keys that may be used over a connection; none while locked. */
  list(bindings: SessionBindings = unbound): { key: PrivateKey; comment: string }[] {
    if (this.locked) return [];
    this.#forgetExpired();
    return this.#keys
      .filter((held) => this.#refusal(held, bindings) === undefined)
      .map(({ key, comment }) => ({ key, comment }));
  }

  /**
   * Takes a key; one that is held already gets the new comment and constraints.
   *
   * @throws SshError `agent-refused` while locked, when full, or where a constraint could not be kept.
   */
  add(key: PrivateKey, comment: string, constraints: AgentConstraints = {}, bindings: SessionBindings = unbound): void {
    this.#requireOpen();
    this.#requireKept(key, constraints);
    this.#forgetExpired();
    const at = this.#keys.findIndex((held) => held.key.publicKey.equals(key.publicKey));
    const before = this.#keys[at];
    // Who may not see a key must not change what it is good for.
    if (before !== undefined) this.#requirePermitted(before, bindings);
    const keys = [...this.#keys];
    const { confirm = false, destinations } = constraints;
    const held = {
      key,
      comment,
      signer: this.#signerOf(key),
      expiresAtMs: this.#end(constraints),
      confirm,
      destinations,
    };
    keys.splice(at < 0 ? keys.length : at, 1, held);
    if (keys.length > maxAgentKeys) throw refused(`${maxAgentKeys} keys are held already`);
    // Beyond it no list would fit a message, and nobody could see or use any key.
    const listBytes = keys.reduce((sum, other) => sum + listedBytes(other), answerBytes);
    if (listBytes > maxAgentMessageBytes) throw refused('the keys held already fill a message');
    this.#keys = keys;
  }

  /** Forgets a key. Throws `agent-refused` where it is not held. */
  remove(blob: Uint8Array, bindings: SessionBindings = unbound): void {
    this.#requireOpen();
    const held = this.#find(blob);
    this.#requirePermitted(held, bindings);
    this.#keys = this.#keys.filter((other) => other !== held);
  }

  removeAll(): void {
    this.#requireOpen();
    this.#keys = [];
  }

  /** Forgets all keys, locked or not: for the person at the machine itself (SIGUSR1). */
  forget(): void {
    this.#keys = [];
  }

  /**
   * Signs, if the key's limits allow it and whoever must be asked has agreed.
   *
   * @returns the wire-format signature.
   * @throws SshError `agent-refused` otherwise.
   */
  async sign(request: SignRequest, bindings: SessionBindings = unbound): Promise<Buffer> {
    this.#requireOpen();
    const held = this.#find(request.key);
    const { publicKey } = held.key;
    const algorithm = signatureAlgorithmFor(publicKey, request.flags);
    const user = held.destinations === undefined ? undefined : this.#requireLogin(held, request.data, bindings);
    if (held.confirm) await this.#requireConfirmed(held, user);
    this.#requireSafeForWeb(held.key, request.data);
    return held.signer.sign(request.data, algorithm);
  }

  lock(passphrase: Uint8Array): void {
    this.#requireOpen();
    this.#lock.lock(passphrase);
  }

  /** Rejects with `agent-refused` for a wrong passphrase, and where nothing is locked. */
  unlock(passphrase: Uint8Array): Promise<void> {
    return this.#lock.unlock(passphrase);
  }

  /** Go CVE-2026-39832, -39833: a constraint that cannot be kept must not be dropped. */
  #requireKept(key: PrivateKey, constraints: AgentConstraints): void {
    const { confirm, destinations, associatedCertificates, securityKeyProvider, lifetimeSeconds } = constraints;
    if (confirm && this.#options.confirm === undefined)
      throw refused('nobody can be asked to confirm the use of the key');
    if (lifetimeSeconds !== undefined && !(lifetimeSeconds > 0)) throw refused('the lifetime is none');
    if (destinations?.length === 0) throw refused('the list of destinations is empty');
    if (destinations?.some(({ to }) => (to.user ?? '').length > maxPatternBytes))
      throw refused('a user pattern is too long');
    if (associatedCertificates !== undefined)
      throw refused('associated certificates belong to tokens, of which it has none');
    if (securityKeyProvider === undefined) return;
    if (!key.type.startsWith('sk-')) throw refused(`a ${key.type} key needs no provider`);
    // CVE-2023-38408: a path would have us load a library into the process that holds the keys.
    if (securityKeyProvider.toLowerCase() !== 'internal') throw refused('it loads no provider libraries');
  }

  #signerOf(key: PrivateKey): Signer {
    if (!key.type.startsWith('sk-')) return key;
    const provider = this.#options.securityKeyProvider;
    const handle = provider === undefined ? undefined : securityKeyHandle(key);
    if (provider === undefined || handle === undefined) {
      throw refused('security keys need a device, and this agent was given nothing that talks to one');
    }
    return createSecurityKeySigner(key.publicKey, handle, provider);
  }

  #end({ lifetimeSeconds = this.#options.defaultLifetimeSeconds }: AgentConstraints): number {
    return lifetimeSeconds === undefined ? Number.POSITIVE_INFINITY : this.#options.now() + lifetimeSeconds * 1000;
  }

  /** A key with destinations signs logins alone: those of the session that the connection is bound to, at its host. */
  #requireLogin(held: HeldKey, data: Uint8Array, bindings: SessionBindings): string {
    const session = bindings.sessions.at(-1);
    if (session === undefined) throw refused('the key is limited to destinations, and the connection is bound to none');
    const login = readLoginRequest(data, held.key.publicKey);
    if (login === undefined) throw refused('the key is limited to destinations, and the data is no login');
    this.#requirePermitted(held, bindings, login.user);
    if (!login.sessionId.equals(session.sessionId))
      throw refused('the login is for another session than the one bound');
    // Without it, a host on the way could pass a login request of its own for one that came through another host.
    if (bindings.sessions.length > 1 && login.hostKey === undefined) {
      throw refused('the login came over a forwarded connection and does not name its host key');
    }
    if (login.hostKey !== undefined && !login.hostKey.equals(session.hostKey)) {
      throw refused('the login is for another host key than the one bound');
    }
    return login.user;
  }

  async #requireConfirmed(held: HeldKey, user: string | undefined): Promise<void> {
    const { key, comment } = held;
    if ((await this.#options.confirm?.({ key, comment, user })) !== true)
      throw refused('the use of the key was not confirmed');
    // A person may take long to answer: the key may have been locked away or removed in the meantime.
    this.#requireOpen();
    if (this.#find(key.publicKey.blob) !== held) throw refused('the key was changed meanwhile');
  }

  /** OpenSSH 82662d562: whoever may use a forwarded security key must not log in to web sites with it. */
  #requireSafeForWeb(key: PrivateKey, data: Uint8Array): void {
    const { maySignAnything = (application: string) => application.startsWith('ssh:') } = this.#options;
    const handle = key.type.startsWith('sk-') ? securityKeyHandle(key) : undefined;
    if (handle === undefined || maySignAnything(handle.application)) return;
    if (readLoginRequest(data, key.publicKey) === undefined && !isSshsigData(data)) {
      throw refused('the key is that of a web site, and the data no login over SSH');
    }
  }

  #refusal(held: HeldKey, bindings: SessionBindings, user?: string): string | undefined {
    if (held.destinations === undefined) return undefined;
    return refuseByDestination(held.destinations, bindings, this.#options.unixTime, user);
  }

  #requirePermitted(held: HeldKey, bindings: SessionBindings, user?: string): void {
    const reason = this.#refusal(held, bindings, user);
    if (reason !== undefined) throw refused(reason);
  }

  #find(blob: Uint8Array): HeldKey {
    this.#forgetExpired();
    const held = this.#keys.find(({ key }) => key.publicKey.blob.equals(blob));
    if (held === undefined) throw refused('it does not hold the key');
    return held;
  }

  #forgetExpired(): void {
    const now = this.#options.now();
    this.#keys = this.#keys.filter((held) => held.expiresAtMs > now);
  }

  #requireOpen(): void {
    if (this.locked) throw refused('it is locked');
  }
}

/** The number and the count of an answer that lists keys. */
const answerBytes = 5;

function listedBytes({ key, comment }: HeldKey): number {
  return 8 + key.publicKey.blob.length + Buffer.byteLength(comment);
}
