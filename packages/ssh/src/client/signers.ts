/** The keys a connection offers, in their order, each looked at only when its turn comes. */
import { type AgentClient, agentSigners, type SessionBinding } from '../agent/index.ts';
import { SshError } from '../errors.ts';
import { fingerprint, parsePublicKey, shortTypeName } from '../keys/index.ts';
import type { PublicKey, Signer } from '../keys/types.ts';
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
 */
export async function* offeredSigners(
  options: ConnectOptions,
  binding?: Omit<SessionBinding, 'forwarding'>,
): AsyncGenerator<Signer> {
  const { identities, agent, identitiesOnly = false } = options;
  const wantsAgent = agent !== false && (agent !== undefined || identities === undefined);
  const certificates = await loadCertificates(options);
  const held = wantsAgent ? await openAgent(agent, options, binding) : undefined;
  try {
    const left = new Map(held?.signers.map((signer) => [idOf(signer.publicKey), signer]));
    const files: string[] = [];
    if (options.logIdentities) await logIdentities(options, held?.signers ?? []);
    for (const identity of identities ?? defaultIdentityFiles()) {
      if (typeof identity !== 'string') {
        yield* offer(identity, () => identity.label, certificates, options);
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
      yield* offer(signer, (key) => describe(identity, key, options, ' agent'), all, options);
    }
    for (const signer of identitiesOnly ? [] : left.values()) {
      const name = signer.label.replace(/^agent: /, '');
      yield* offer(signer, (key) => describe(name, key, {}, ' agent'), certificates, options);
    }
    for (const path of files) yield* fromFile(path, certificates, options);
  } finally {
    held?.close();
  }
}

/** `Will attempt key: …` for each key, in the order in which they are offered. */
async function logIdentities(options: ConnectOptions, held: readonly Signer[]): Promise<void> {
  const { identities = defaultIdentityFiles(), identitiesOnly = false, log } = options;
  const left = new Map(held.map((signer) => [idOf(signer.publicKey), signer]));
  const files: string[] = [];
  for (const identity of identities) {
    if (typeof identity !== 'string') {
      log?.(1, `Will attempt key: ${identity.label}`);
      continue;
    }
    const key = await readPublicHalf(identity);
    const name = key === undefined ? `${identity} ` : describe(identity, key, options);
    const isExplicit = key === undefined && options.identities?.includes(identity);
    if (key === undefined || !left.delete(idOf(key))) files.push(isExplicit ? `${name} explicit` : name);
    else log?.(1, `Will attempt key: ${name} agent`);
  }
  for (const { label, publicKey } of identitiesOnly ? [] : left.values()) {
    log?.(1, `Will attempt key: ${describe(label.replace(/^agent: /, ''), publicKey, {}, ' agent')}`);
  }
  for (const name of files) log?.(1, `Will attempt key: ${name}`);
}

async function* fromFile(
  path: string,
  certificates: readonly PublicKey[],
  options: ConnectOptions,
): AsyncGenerator<Signer> {
  let signer: Signer;
  try {
    signer = await loadIdentity(path, options.passphrase === undefined ? {} : { passphrase: options.passphrase });
  } catch (error) {
    // Files of the default list that are not there are no news; a broken one must not keep the others from being tried.
    if (options.identities !== undefined && options.skipUnusableKeys !== true) throw error;
    options.log?.(1, `Trying private key: ${path}`);
    options.log?.(2, `identity file ${path}: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  const beside = await loadCertificateBeside(path, signer);
  const all = beside === undefined ? certificates : [...certificates, beside.publicKey];
  yield* offer(signer, (key) => describe(path, key, options), all, options);
}

/** A key under each certificate that belongs to it, then by itself. */
function* offer(
  signer: Signer,
  label: (key: PublicKey) => string,
  certificates: readonly PublicKey[],
  { onKeyFailure }: ConnectOptions,
): Generator<Signer> {
  const own = certificates.filter((certificate) => certificate.plain.equals(signer.publicKey));
  for (const publicKey of [...own, signer.publicKey]) {
    const offered: Signer = {
      publicKey,
      label: label(publicKey),
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

async function loadCertificates({ certificates = [], log }: ConnectOptions): Promise<PublicKey[]> {
  const loaded: PublicKey[] = [];
  for (const path of certificates) {
    try {
      const { key } = parsePublicKey((await readKeyFile(path)).toString('utf8'));
      if (key.certificate !== undefined) loaded.push(key);
      else log?.(1, `${path} holds a key and no certificate`);
    } catch (error) {
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
    return undefined;
  }
}
