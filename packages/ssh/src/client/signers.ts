/** The keys a connection offers, in their order, each looked at only when its turn comes. */
import { type AgentClient, agentSigners } from '../agent/index.ts';
import { SshError } from '../errors.ts';
import type { Signer } from '../keys/types.ts';
import { connectAgent, defaultIdentityFiles, loadCertificateBeside, loadIdentity } from './identities.ts';
import type { ConnectOptions } from './options.ts';

/** Given identities first; without any, the agent's keys and then the files of ~/.ssh. */
export async function* offeredSigners(options: ConnectOptions): AsyncGenerator<Signer> {
  const { identities, agent, log } = options;
  for (const identity of identities ?? []) {
    if (typeof identity === 'string') yield* fromFile(identity, options);
    else yield identity;
  }
  const wantsAgent = agent !== false && (agent !== undefined || identities === undefined);
  if (wantsAgent) yield* fromAgent(agent, options);
  if (identities !== undefined) return;
  for (const path of defaultIdentityFiles()) {
    try {
      yield* fromFile(path, options);
    } catch (error) {
      // Files of the default list that are not there are no news; a broken one must not keep the others from being tried.
      log?.(2, `identity file ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

async function* fromFile(path: string, options: ConnectOptions): AsyncGenerator<Signer> {
  const signer = await loadIdentity(path, options.passphrase === undefined ? {} : { passphrase: options.passphrase });
  const certified = await loadCertificateBeside(path, signer);
  if (certified !== undefined) yield certified;
  yield signer;
}

async function* fromAgent(agent: string | AgentClient | undefined, options: ConnectOptions): AsyncGenerator<Signer> {
  let client: AgentClient;
  try {
    if (agent === undefined && !process.env.SSH_AUTH_SOCK) return;
    client = typeof agent === 'object' ? agent : await connectAgent(agent);
  } catch (error) {
    // Asked for by name it must be there; found in the environment it is a convenience.
    if (agent !== undefined || !(error instanceof SshError)) throw error;
    options.log?.(1, error.message);
    return;
  }
  try {
    yield* await agentSigners(client);
  } finally {
    if (typeof agent !== 'object') client.close();
  }
}
