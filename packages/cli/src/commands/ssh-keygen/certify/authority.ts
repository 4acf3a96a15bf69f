/** The CA's key of ssh-keygen -s: a private key file, or with -U a key that the agent holds. */
import { homedir } from 'node:os';
import { SshError } from '@nacre/ssh/errors';
import type { PublicKey, Signer } from '@nacre/ssh/keys';
import { describe, describeSystemError, Ending } from '../ending.ts';
import type { KeygenFlags } from '../flags.ts';
import { findPublicKey, loadPrivateKey, requireFile } from '../key-input.ts';

export interface Authority {
  readonly signer: Signer;
  close(): void;
}

/** Opens the key that `-s` names. */
export async function openAuthority(flags: KeygenFlags): Promise<Authority> {
  const path = expandTilde(flags.certificateAuthority ?? '');
  if (flags.pkcs11 !== undefined) {
    throw new Ending('ssh-keygen: PKCS#11 libraries (-D) are not supported; add the token to an agent and use -U');
  }
  if (flags.authorityInAgent) return await findInAgent(path);
  const { key } = await loadPrivateKey(path, flags, `Load key "${path}"`);
  return { signer: key, close: () => {} };
}

/** `~/ca` where the shell has left it to us. */
export function expandTilde(path: string): string {
  return path === '~' || path.startsWith('~/') ? homedir() + path.slice(1) : path;
}

/** Why a signature could not be had, in OpenSSH's words. */
export function explainSigning(error: unknown): string {
  if (error instanceof Ending) return error.message;
  if (!(error instanceof SshError)) return describe(error);
  switch (error.code) {
    case 'agent-refused':
      return 'agent refused operation';
    case 'agent-unavailable':
      return 'communication with agent failed';
    case 'misuse':
      return `invalid argument (${error.message})`;
    case 'unsupported':
      return error.remedy === undefined ? error.message : `${error.message}. ${error.remedy}`;
    default:
      return error.message;
  }
}

async function findInAgent(path: string): Promise<Authority> {
  const wanted = findPublicKey(path)?.key;
  if (wanted === undefined) {
    const complaint = `Cannot load CA public key ${path}`;
    requireFile(path, 'Cannot load CA public key ');
    throw new Ending(`${complaint}: invalid format (it holds no public key)`);
  }
  const [{ connectAgent }, { agentSigners }] = await Promise.all([
    import('@nacre/ssh/agent-socket'),
    import('@nacre/ssh/agent'),
  ]);
  const agent = await connectAgent().catch((error: unknown) => {
    throw new Ending(`Cannot use public key for CA signature: ${explainConnecting(error)}`);
  });
  try {
    const signers = await agentSigners(agent).catch((error: unknown) => {
      throw new Ending(`Retrieve agent key list: ${explainSigning(error)}`);
    });
    return { signer: chooseSigner(signers, wanted, path), close: () => agent.close() };
  } catch (error) {
    agent.close();
    throw error;
  }
}

function chooseSigner(signers: readonly Signer[], wanted: PublicKey, path: string): Signer {
  if (signers.length === 0) throw new Ending('Retrieve agent key list: agent contains no identities');
  const signer = signers.find(({ publicKey }) => publicKey.equals(wanted));
  if (signer === undefined) throw new Ending(`CA key ${path} not found in agent`);
  return signer;
}

function explainConnecting(error: unknown): string {
  if (!(error instanceof SshError)) throw error;
  return error.cause === undefined ? 'agent not present' : describeSystemError(error.cause);
}
