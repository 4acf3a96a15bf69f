/** The keys a connection offers, in their order, each looked at only when its turn comes. */
import { type AgentClient, agentSigners, type SessionBinding } from '../agent/index.ts';
import { SshError, toSshError, type UnusableKey } from '../errors.ts';
import { fingerprint, parsePublicKey, shortTypeName, withCertificate } from '../keys/index.ts';
import type { PrivateKey, PublicKey, Signer, SignerOrigin } from '../keys/types.ts';
import { minRsaBits } from '../limits.ts';
import { connectAgent, findAgentPaths } from './agent-socket.ts';
import {
  defaultIdentityFiles,
  loadIdentity,
  readCertificateBeside,
  readKeyFile,
  readPublicHalf,
} from './identities.ts';
import type { ConnectOptions } from './options.ts';

/**
 * OpenSSH's order: keys that the caller holds; certificates that were named; what the agent holds of the files that were named, and
 * then its other keys; last the files that it does not hold, each before the certificate beside it. A key that the agent
 * holds is the agent's to sign with, and needs no passphrase.
 *
 * @param binding - what the server proved: an agent is told before it is asked for anything, so that it can hold keys to the
 *   destinations they are limited to.
 * @param unusable - gets what should have given keys and did not.
 */
export async function* offeredSigners(
  options: ConnectOptions,
  binding?: Omit<SessionBinding, 'forwarding'>,
  unusable: UnusableKey[] = [],
): AsyncGenerator<Signer> {
  const { identities, agent, identitiesOnly = false } = options;
  const wantsAgent = agent !== false && (agent !== undefined || identities === undefined);
  const certificates = await loadCertificates(options, unusable);
  const held = wantsAgent ? await openAgent(agent, options, binding, unusable) : undefined;
  try {
    const all = identities ?? defaultIdentityFiles();
    const files = all
      .filter((identity) => typeof identity === 'string')
      .map((path) => new KeyFile(path, options, unusable));
    for (const identity of all) {
      if (typeof identity === 'string') continue;
      const { label, origin } = identity;
      for (const { key } of certificates)
        if (belongs(key, identity)) yield offer(identity, key, label, origin, options);
      yield offer(identity, identity.publicKey, label, origin, options);
    }
    const agentKeys = (held?.signers ?? []).filter(({ publicKey }) => isStrong(publicKey, options));
    if (options.logIdentities) await logIdentities(options, { files, agentKeys, certificates });
    for (const { path, key } of certificates) {
      const agentKey = agentKeys.find((each) => belongs(key, each));
      const signer = agentKey ?? (await (await findFile(files, key))?.signer());
      const origin = { file: path, isAgent: agentKey !== undefined, name: path };
      if (signer !== undefined) yield offer(signer, key, describe(path, key, ' explicit'), origin, options);
    }
    const others: Signer[] = [];
    for (const signer of agentKeys) {
      const file = await findNaming(files, signer.publicKey);
      if (file === undefined) {
        others.push(signer);
        continue;
      }
      if (signer.publicKey.certificate === undefined) file.agentSigner = signer;
      const origin = { file: file.path, isAgent: true, name: file.path };
      yield offer(
        signer,
        signer.publicKey,
        describe(file.path, signer.publicKey, `${file.suffix} agent`),
        origin,
        options,
      );
    }
    for (const signer of identitiesOnly ? [] : others) {
      const name = signer.label.replace(/^agent: /, '');
      const origin = { file: undefined, isAgent: true, name };
      yield offer(signer, signer.publicKey, describe(name, signer.publicKey, ' agent'), origin, options);
    }
    for (const file of files) yield* file.offers();
  } finally {
    held?.close();
  }
}

interface KnownIdentities {
  readonly files: readonly KeyFile[];
  readonly agentKeys: readonly Signer[];
  readonly certificates: readonly { readonly path: string; readonly key: PublicKey }[];
}

/** `Will attempt key: …` for each key, in the order in which they are offered. */
async function logIdentities(options: ConnectOptions, known: KnownIdentities): Promise<void> {
  const { identities = [], identitiesOnly = false, log } = options;
  const tell = (name: string) => log?.(1, `Will attempt key: ${name}`);
  for (const identity of identities) if (typeof identity !== 'string') tell(identity.label);
  for (const { path, key } of known.certificates) tell(describe(path, key, ' explicit'));
  const inAgent = new Set<KeyFile>();
  const others: Signer[] = [];
  for (const signer of known.agentKeys) {
    const file = await findNaming(known.files, signer.publicKey);
    if (file === undefined) others.push(signer);
    else {
      inAgent.add(file);
      tell(describe(file.path, signer.publicKey, `${file.suffix} agent`));
    }
  }
  for (const { label, publicKey } of identitiesOnly ? [] : others) {
    tell(describe(label.replace(/^agent: /, ''), publicKey, ' agent'));
  }
  for (const file of known.files) {
    if (inAgent.has(file)) continue;
    const key = await file.publicHalf();
    tell(key === undefined ? `${file.path} ${file.suffix}` : describe(file.path, key, file.suffix));
  }
}

/** A file that was named, or belongs to the default list: read when its turn comes, and once. */
class KeyFile {
  readonly path: string;
  /** How the log marks a file that somebody named. */
  readonly suffix: string;
  /** The agent's key, where it holds this one: there is nothing to open then. */
  agentSigner: Signer | undefined;
  readonly #options: ConnectOptions;
  readonly #unusable: UnusableKey[];
  #publicHalf: Promise<PublicKey | undefined> | undefined;
  #signer: Promise<Signer | undefined> | undefined;

  constructor(path: string, options: ConnectOptions, unusable: UnusableKey[]) {
    this.path = path;
    this.suffix = options.identities?.includes(path) && options.hasDefaultIdentities !== true ? ' explicit' : '';
    this.#options = options;
    this.#unusable = unusable;
  }

  publicHalf(): Promise<PublicKey | undefined> {
    this.#publicHalf ??= readPublicHalf(this.path);
    return this.#publicHalf;
  }

  signer(): Promise<Signer | undefined> {
    this.#signer ??= this.#load();
    return this.#signer;
  }

  /** The key, and then the certificate beside it. */
  async *offers(): AsyncGenerator<Signer> {
    const { path, suffix } = this;
    const isAgent = this.agentSigner !== undefined;
    const signer = this.agentSigner ?? (await this.signer());
    if (signer === undefined) return;
    const origin = { file: path, isAgent, name: path };
    const key = signer.publicKey.plain;
    if (!isAgent) yield offer(signer, key, describe(path, key, suffix), origin, this.#options);
    const beside = await readCertificateBeside(path, key);
    if (beside !== undefined) yield offer(signer, beside, describe(path, beside, suffix), origin, this.#options);
  }

  async #load(): Promise<Signer | undefined> {
    const { passphrase, identities, skipUnusableKeys, hasDefaultIdentities, log, addKeysToAgent, agent } =
      this.#options;
    const { path } = this;
    try {
      const signer = await loadIdentity(path, {
        ...(passphrase !== undefined && { passphrase }),
        ...(addKeysToAgent && {
          onFirstUse: async (key: PrivateKey) => {
            const { addKeyToAgent } = await import('./add-to-agent.ts');
            await addKeyToAgent(key, path, { ...addKeysToAgent, agent, log });
          },
        }),
      });
      requireStrong(signer.publicKey, this.#options);
      return signer;
    } catch (error) {
      // Files of the default list that are not there are no news; a broken one must not keep the others from being tried.
      if (identities !== undefined && skipUnusableKeys !== true) throw error;
      log?.(1, `Trying private key: ${path}`);
      const failure = toSshError(error, { code: 'bad-file', stage: 'key' });
      log?.(2, `identity file ${path}: ${failure.message}`);
      const isMissing = (failure.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
      const isDefault = identities === undefined || hasDefaultIdentities === true;
      const unusable: UnusableKey = { path, kind: 'key', isMissingDefault: isMissing && isDefault, error: failure };
      this.#unusable.push(unusable);
      this.#options.onUnusableKey?.(unusable);
      return undefined;
    }
  }
}

/** RequiredRSASize: a key that can be broken proves nothing about who uses it. */
function requireStrong({ plain }: PublicKey, { requiredRsaBits = minRsaBits }: ConnectOptions): void {
  if (plain.type !== 'ssh-rsa' || plain.bits >= requiredRsaBits) return;
  throw new SshError(`an RSA key of ${plain.bits} bits, at least ${requiredRsaBits} are required`, {
    code: 'bad-key',
    stage: 'key',
    remedy: 'Make a new key with ssh-keygen, or lower RequiredRSASize (requiredRsaBits) for this host.',
  });
}

function isStrong(key: PublicKey, options: ConnectOptions): boolean {
  try {
    requireStrong(key, options);
    return true;
  } catch (error) {
    options.log?.(
      1,
      `Skipping key ${shortTypeName(key)} ${fingerprint(key)} from agent: ${(error as SshError).message}`,
    );
    return false;
  }
}

/** The file that a certificate's key is in. */
async function findFile(files: readonly KeyFile[], certificate: PublicKey): Promise<KeyFile | undefined> {
  for (const file of files) if ((await file.publicHalf())?.plain.equals(certificate.plain)) return file;
  return undefined;
}

/** The file that names a key of the agent's, by its key or by the certificate beside it. */
async function findNaming(files: readonly KeyFile[], key: PublicKey): Promise<KeyFile | undefined> {
  for (const file of files) {
    const named = await file.publicHalf();
    if (named === undefined || !named.plain.equals(key.plain)) continue;
    if (named.equals(key) || key.certificate === undefined) return file;
    if ((await readCertificateBeside(file.path, key.plain))?.equals(key)) return file;
  }
  return undefined;
}

function belongs(certificate: PublicKey, { publicKey }: Signer): boolean {
  return publicKey.certificate === undefined && certificate.plain.equals(publicKey);
}

/** A key as it is offered: by itself or under a certificate, and with somebody to tell where it cannot sign. */
function offer(
  signer: Signer,
  publicKey: PublicKey,
  label: string,
  origin: SignerOrigin | undefined,
  { onKeyFailure }: ConnectOptions,
): Signer {
  const certified = publicKey.equals(signer.publicKey) ? signer : withCertificate(signer, publicKey);
  const offered: Signer = {
    publicKey,
    label,
    ...(origin && { origin }),
    ...(signer.signsUnasked && { signsUnasked: true }),
    async sign(data, algorithm, signOptions) {
      try {
        return await certified.sign(data, algorithm, signOptions);
      } catch (error) {
        onKeyFailure?.(offered, error);
        throw error;
      }
    },
  };
  return offered;
}

/** `id ED25519 SHA256:… explicit`, as OpenSSH's log names a key. */
function describe(name: string, key: PublicKey, suffix: string): string {
  return `${name} ${shortTypeName(key)} ${fingerprint(key)}${suffix}`;
}

interface NamedCertificate {
  readonly path: string;
  readonly key: PublicKey;
}

async function loadCertificates(
  { certificates = [], log }: ConnectOptions,
  unusable: UnusableKey[],
): Promise<NamedCertificate[]> {
  const loaded: NamedCertificate[] = [];
  for (const path of certificates) {
    try {
      const { key } = parsePublicKey((await readKeyFile(path)).toString('utf8'));
      if (key.certificate !== undefined) loaded.push({ path, key });
      else log?.(1, `${path} holds a key and no certificate`);
    } catch (error) {
      const failure = toSshError(error, { code: 'bad-file', stage: 'key' });
      unusable.push({ path, kind: 'certificate', isMissingDefault: false, error: failure });
      log?.(1, `certificate file ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return loaded;
}

interface HeldKeys {
  readonly signers: readonly Signer[];
  close(): void;
}

async function openAgent(
  agent: string | AgentClient | undefined,
  { log, skipUnusableKeys = false }: ConnectOptions,
  binding: Omit<SessionBinding, 'forwarding'> | undefined,
  unusable: UnusableKey[],
): Promise<HeldKeys | undefined> {
  try {
    if (agent === undefined && findAgentPaths().length === 0) return undefined;
    // A client of the caller's may serve other connections, and an agent's connection can be bound to one login only.
    if (typeof agent === 'object') return { signers: await agentSigners(agent), close() {} };
    const client = await connectAgent(agent);
    try {
      if (binding !== undefined) {
        const isBound = await client.bindSession({ ...binding, forwarding: false });
        log?.(2, isBound ? 'agent bound to the host key' : 'the agent does not take session-bind@openssh.com');
      }
      return { signers: await agentSigners(client), close: () => client.close() };
    } catch (error) {
      client.close();
      throw error;
    }
  } catch (error) {
    // Asked for by name it must be there; found in the environment it is a convenience.
    if ((agent !== undefined && !skipUnusableKeys) || !(error instanceof SshError)) throw error;
    log?.(1, error.message);
    unusable.push({ path: typeof agent === 'string' ? agent : '', kind: 'agent', isMissingDefault: false, error });
    return undefined;
  }
}
