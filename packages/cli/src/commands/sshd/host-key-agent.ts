/** HostKeyAgent: host keys that an agent holds, so that this process never has them. */
import { connect } from 'node:net';
import { createAgentClient } from '@nacre/ssh/agent';
import { type PublicKey, parsePublicKey, type Signer } from '@nacre/ssh/keys';
import { readRegularFile } from './config/read-file.ts';

const maxKeyFileBytes = 1024 * 1024;
/** A client would wait for as long, and its connection be held: an agent that asks nobody answers at once. */
const longestMs = 30_000;

/**
 * A host key of the agent's, by its public half in a HostKey file or in the `.pub` beside it; undefined where there is none.
 *
 * @param agent - the value of HostKeyAgent: a socket, or `SSH_AUTH_SOCK` for the one that the environment names.
 */
export function agentHostKey(agent: string, path: string): Signer | undefined {
  const publicKey = readPublicKey(path) ?? readPublicKey(`${path}.pub`);
  if (publicKey === undefined || publicKey.certificate !== undefined) return undefined;
  return {
    publicKey,
    label: path,
    origin: { file: path, isAgent: true, name: path },
    sign: (data, algorithm, { signal } = {}) => signBy(agent, publicKey, data, algorithm, signal),
  };
}

/** A connection for each signature: the agent may be started again while the server runs. */
async function signBy(
  agent: string,
  key: PublicKey,
  data: Uint8Array,
  algorithm: string,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const socket = connect(agent === 'SSH_AUTH_SOCK' ? (process.env.SSH_AUTH_SOCK ?? '') : agent);
  const client = createAgentClient(socket);
  const late = AbortSignal.timeout(longestMs);
  try {
    return await client.sign(key, data, algorithm, {
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    });
  } finally {
    client.close();
  }
}

function readPublicKey(path: string): PublicKey | undefined {
  try {
    return parsePublicKey(readRegularFile(path, maxKeyFileBytes).toString('utf8')).key;
  } catch {
    return undefined;
  }
}
