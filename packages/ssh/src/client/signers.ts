/** The keys a connection offers, in their order, each looked at only when its turn comes. */
import { type AgentClient, agentSigners, type SessionBinding } from '../agent/index.ts';
import { SshError, toSshError, type UnusableKey } from '../errors.ts';
import { fingerprint, parsePublicKey, shortTypeName } from '../keys/index.ts';
import type { PublicKey, Signer, SignerOrigin } from '../keys/types.ts';
import { connectAgent, findAgentPaths } from './agent-socket.ts';
import {
  defaultIdentityFiles,
  loadCertificateBeside,
  loadIdentity,
  readKeyFile,
  readPublicHalf,
} from './identities.ts';
import type { ConnectOptions } from './options.ts';

/**
 * Given identities first, in their order: one that the agent holds is the agent's to sign with, and needs no passphrase. Then
 * the agent's other keys, then files that it does not hold: of a default list those come last, as OpenSSH has it.
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
    const left = new Map(held?.signers.map((signer) => [idOf(signer.publicKey), signer]));
    const files: string[] = [];
    for (const identity of identities ?? defaultIdentityFiles()) {
      if (typeof identity !== 'string') {
        yield* offer(identity, () => identity.label, identity.origin, certificates, options);
        continue;
      }
      const publicKey = left.size === 0 ? undefined : await readPublicHalf(identity);
      const signer = publicKey && left.get(idOf(publicKey));
      if (signer === undefined) {
        files.push(identity);
        continue;
      }
      left.delete(idOf(signer.publicKey));
      const beside = await loadCertificateBeside(identity, signer);
      const all = beside ? [...certificates, beside.publicKey] : certificates;
      const origin = { file: identity, isAgent: true, name: identity };
      yield* offer(signer, (key) => describe(identity, key, options, ' agent'), origin, all, options);
    }
    for (const signer of identitiesOnly ? [] : left.values()) {
      const name = signer.label.replace(/^agent: /, '');
      const origin = { file: undefined, isAgent: true, name };
      yield* offer(signer, (key) => describe(name, key, {}, ' agent'), origin, certificates, options);
    }
    for (const path of files) yield* fromFile(path, certificates, options, unusable);
  } finally {
    held?.close();
  }
}

async function* fromFile(
  path: string,
  certificates: readonly PublicKey[],
  options: ConnectOptions,
  unusable: UnusableKey[],
): AsyncGenerator<Signer> {
  let signer: Signer;
  try {
    signer = await loadIdentity(path, options.passphrase === undefined ? {} : { passphrase: options.passphrase });
  } catch (error) {
    // Files of the default list that are not there are no news; a broken one must not keep the others from being tried.
    if (options.identities !== undefined && options.skipUnusableKeys !== true) throw error;
    options.log?.(1, `Trying private key: ${path}`);
    const failure = toSshError(error, { code: 'bad-file', stage: 'key' });
    const isMissing = (failure.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    const isNamed = options.identities !== undefined && options.hasDefaultIdentities !== true;
    unusable.push({ path, kind: 'key', isMissingDefault: isMissing && !isNamed, error: failure });
    options.log?.(2, `identity file ${path}: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  const beside = await loadCertificateBeside(path, signer);
  const all = beside === undefined ? certificates : [...certificates, beside.publicKey];
  const origin = { file: path, isAgent: false, name: path };
  yield* offer(signer, (key) => describe(path, key, options), origin, all, options);
}

/** A key under each certificate that belongs to it, then by itself. */
function* offer(
  signer: Signer,
  label: (key: PublicKey) => string,
  origin: SignerOrigin | undefined,
  certificates: readonly PublicKey[],
  { onKeyFailure }: ConnectOptions,
): Generator<Signer> {
  const own = certificates.filter((certificate) => certificate.plain.equals(signer.publicKey));
  for (const publicKey of [...own, signer.publicKey]) {
    const offered: Signer = {
      publicKey,
      label: label(publicKey),
      ...(origin && { origin }),
      async sign(data, algorithm, signOptions) {
        try {
          return await signer.sign(data, algorithm, signOptions);
        } catch (error) {
          onKeyFailure?.(offered, error);
          throw error;
        }
      },
    };
    yield offered;
  }
}

/** `id ED25519 SHA256:… explicit`, as OpenSSH's log names a key. */
function describe(name: string, key: PublicKey, { identities }: Partial<ConnectOptions>, from = ''): string {
  const explicit = identities?.includes(name) ? ' explicit' : '';
  return `${name} ${shortTypeName(key)} ${fingerprint(key)}${explicit}${from}`;
}

function idOf(key: PublicKey): string {
  return key.blob.toString('base64');
}

async function loadCertificates(
  { certificates = [], log }: ConnectOptions,
  unusable: UnusableKey[],
): Promise<PublicKey[]> {
  const loaded: PublicKey[] = [];
  for (const path of certificates) {
    try {
      const { key } = parsePublicKey((await readKeyFile(path)).toString('utf8'));
      if (key.certificate !== undefined) loaded.push(key);
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
