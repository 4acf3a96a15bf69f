/** The key of ssh-keygen -Y sign: one that the agent holds, or a private key file. */
import { statSync } from 'node:fs';
import { type PublicKey, type Signer, withCertificate } from '@nacre/ssh/keys';
import { Ending } from '../ending.ts';
import type { KeygenFlags } from '../flags.ts';
import { findPublicKey, loadPrivateKey } from '../key-input.ts';
import { findInAgent, openAgent } from './agent.ts';

export interface SigningKey {
  readonly signer: Signer;
  readonly isInAgent: boolean;
  /** Lets go of the agent. */
  close(): void;
}

/** Finds the key that `-f` names. The agent is asked first; with `-U` it alone is. */
export async function findSigningKey(flags: KeygenFlags): Promise<SigningKey> {
  const path = flags.file as string;
  const key = findPublicKey(path)?.key;
  if (key === undefined) throw new Ending(`Couldn't load public key ${path}: No such file or directory`);
  const agent = await openAgent(process.env.SSH_AUTH_SOCK);
  if (agent === undefined && flags.authorityInAgent) throw new Ending("Couldn't get agent socket");
  const held = agent === undefined ? undefined : await findInAgent(agent, key);
  if (agent !== undefined && held !== undefined) return { signer: held, isInAgent: true, close: () => agent.close() };
  agent?.close();
  if (flags.authorityInAgent) throw new Ending("Couldn't find key in agent");
  return { signer: await loadSigner(path, key, flags), isInAgent: false, close: () => {} };
}

/** `id.pub` and `id-cert.pub` stand for the private key `id` beside them. */
async function loadSigner(path: string, key: PublicKey, flags: KeygenFlags): Promise<Signer> {
  const privatePath = path.replace(/(?<=.)(-cert)?\.pub$/, '');
  if (privatePath !== path && !exists(privatePath)) {
    throw new Ending(`No private key found for public key "${path}"`);
  }
  const { key: privateKey } = await loadOrSayNone(privatePath, flags);
  if (!privateKey.publicKey.plain.equals(key.plain)) {
    throw new Ending(`Public key ${path} doesn't match private ${privatePath}`);
  }
  return key.certificate === undefined ? privateKey : withCertificate(privateKey, key);
}

const wrongPassphrase = 'incorrect passphrase supplied to decrypt private key';

async function loadOrSayNone(path: string, flags: KeygenFlags): ReturnType<typeof loadPrivateKey> {
  const complaint = `Load key "${path}"`;
  try {
    return await loadPrivateKey(path, flags, complaint, `Enter passphrase for "${path}": `);
  } catch (error) {
    if (!(error instanceof Ending) || !error.message.startsWith(complaint)) throw error;
    if (error.message.endsWith(wrongPassphrase)) throw error;
    const detail = error.message.slice(complaint.length + 2);
    throw new Ending(`No private key found for "${path}" (${detail})`);
  }
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
