/** Which keys are installed already: each is tried for a login, a few at a time over one connection. */
import { agentSigners } from '@nacre/ssh/agent';
import { loadIdentity } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import type { Signer } from '@nacre/ssh/keys';
import type { KeySource, NewKey } from './keys.ts';
import { ConnectFailure, type Remote } from './remote.ts';

/**
 * Keys tried in one connection. Servers count a refused key as a failed login: OpenSSH ends the connection at the sixth, and
 * from 9.8 on locks out an address that makes many connections which fail.
 */
const keysAtOnce = 5;

/**
 * The keys that do not log in yet, in their order. A key whose private half is not at hand cannot be tried and counts as new.
 *
 * @param onServer - told what the server says it is.
 * @throws ConnectFailure where the server cannot be asked.
 */
export async function withoutInstalled(
  source: KeySource,
  remote: Remote,
  onServer: (identification: string) => void,
): Promise<NewKey[]> {
  const signers = await signersOf(source, remote);
  const installed = new Set<NewKey>();
  let left = source.keys.filter((key) => signers.has(key));
  let size = keysAtOnce;
  while (left.length > 0) {
    const batch = left.slice(0, size);
    const accepted: NewKey[] = [];
    const verdict = await tryKeys(remote, batch, signers, { onServer, onAccepted: (key) => accepted.push(key) });
    if (verdict === 'too-many') {
      if (size === 1) left = left.slice(1);
      size = 1;
      continue;
    }
    const last = accepted.at(-1);
    // Those before the one that got in were refused, those after it were not looked at.
    const isIn = verdict === 'in' && last !== undefined;
    if (isIn) installed.add(last);
    left = left.slice(isIn ? batch.indexOf(last) + 1 : batch.length);
  }
  return source.keys.filter((key) => !installed.has(key));
}

interface TryEvents {
  readonly onServer: (identification: string) => void;
  /** The server would take this key: what is left is to prove that it is ours. */
  readonly onAccepted: (key: NewKey) => void;
}

async function tryKeys(
  remote: Remote,
  keys: readonly NewKey[],
  signers: ReadonlyMap<NewKey, Signer>,
  { onServer, onAccepted }: TryEvents,
): Promise<'in' | 'none' | 'too-many'> {
  let isPartly = false;
  try {
    const connection = await remote.connect((options) => ({
      ...options,
      certificates: [],
      identities: keys.map((key) => noticing(signers.get(key) as Signer, () => onAccepted(key))),
      agent: false,
      auth: {
        ...options.auth,
        preferredMethods: ['publickey'],
        // It is shown when the keys are installed; once is enough.
        onBanner: () => {},
        onFailure: (_methods, partialSuccess) => {
          isPartly ||= partialSuccess;
        },
      },
      onHandshake: (facts) => {
        onServer(facts.serverIdentification);
        options.onHandshake?.(facts);
      },
    }));
    await connection.close();
    return connection.login.methods.includes('publickey') ? 'in' : 'none';
  } catch (error) {
    if (!(error instanceof ConnectFailure) || !(error.cause instanceof SshError)) throw error;
    // A server that takes the key and wants a password besides has the key.
    if (isPartly) return 'in';
    if (error.cause.code === 'auth-failed') return 'none';
    if (error.cause.code === 'disconnected' && /too many/i.test(error.cause.message)) return 'too-many';
    throw error;
  }
}

/** A signer that is asked to sign only for a key that the server said it would take. */
function noticing(signer: Signer, onAsked: () => void): Signer {
  return {
    publicKey: signer.publicKey,
    label: signer.label,
    sign(data, algorithm, options) {
      onAsked();
      return signer.sign(data, algorithm, options);
    },
  };
}

/** What can sign for the keys: the agent, or the private half beside the file that the key came from. */
async function signersOf({ keys, privateFile, agent }: KeySource, remote: Remote): Promise<Map<NewKey, Signer>> {
  const held = agent === undefined ? [] : await agentSigners(agent).catch(() => []);
  const beside = privateFile === undefined ? undefined : await loadPrivate(privateFile, remote);
  const candidates = beside === undefined ? held : [...held, beside];
  const signers = new Map<NewKey, Signer>();
  for (const key of keys) {
    const signer = candidates.find(({ publicKey }) => publicKey.blob.equals(key.blob));
    if (signer !== undefined) signers.set(key, signer);
  }
  return signers;
}

async function loadPrivate(path: string, { request, log }: Remote): Promise<Signer | undefined> {
  const isBatch = request.settings.batchMode;
  try {
    return await loadIdentity(path, {
      passphraseAttempts: request.settings.numberOfPasswordPrompts,
      ...(!isBatch && { passphrase: async (file) => askPassphrase(file) }),
    });
  } catch (error) {
    log.error(`Load key "${path}": ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function askPassphrase(path: string): Promise<string | undefined> {
  return (await import('../../terminal/prompts.ts')).askSecret(`Enter passphrase for key '${path}': `);
}
