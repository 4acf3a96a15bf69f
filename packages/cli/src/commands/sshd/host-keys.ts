/** Loads the server's host keys and their certificates, and refuses keys that others could read. */
import { existsSync, type Stats } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import { type PublicKey, parsePrivateKey, parsePublicKey, type Signer } from '@nacre/ssh/keys';
import { type HostKey, hostKeyAlgorithms } from '@nacre/ssh/transport';
import { readRegularFile } from './config/read-file.ts';

const maxKeyFileBytes = 1024 * 1024;
/** Those that are looked for where none is configured. */
export const defaultHostKeys = ['rsa', 'ecdsa', 'ed25519'].map((type) => `/etc/ssh/ssh_host_${type}_key`);

/** Told what is wrong with a file; the server goes on with the others. */
export type Complain = (text: string) => void;

/**
 * Loads the named keys, or the system's. Ed25519 comes first whatever the order: it is the safest and the quickest.
 *
 * @param agent - HostKeyAgent: signs with keys whose private half cannot be read here.
 * @throws SshError `bad-file` where none is left.
 */
export async function loadHostKeys(
  paths: readonly string[],
  certificatePaths: readonly string[],
  complain: Complain,
  agent?: string,
): Promise<HostKey[]> {
  const wanted =
    paths.length > 0
      ? paths
      : defaultHostKeys.filter((path) => existsSync(path) || (agent !== undefined && existsSync(`${path}.pub`)));
  const keys: { signer: HostKey['signer']; certificates: PublicKey[] }[] = [];
  for (const path of new Set(wanted)) {
    try {
      const signer = await loadSigner(path, agent);
      const isSame = keys.some((key) => key.signer.publicKey.equals(signer.publicKey));
      if (!isSame) keys.push({ signer, certificates: [] });
    } catch (error) {
      complain(`Unable to load host key: ${path}: ${explain(error)}`);
    }
  }
  if (keys.length === 0) {
    throw new SshError('no hostkeys available -- exiting.', { code: 'bad-file', stage: 'config' });
  }
  for (const path of certificatePaths) {
    try {
      const { key } = parsePublicKey(readRegularFile(path, maxKeyFileBytes).toString('utf8'));
      if (key.certificate?.kind !== 'host') throw new Error('it is not a host certificate');
      const owner = keys.find((candidate) => candidate.signer.publicKey.plain.equals(key.plain));
      if (owner === undefined) complain(`No matching private key for certificate: ${path}`);
      else owner.certificates.push(key);
    } catch (error) {
      complain(`Could not load host certificate: ${path}: ${explain(error)}`);
    }
  }
  return keys.sort((a, b) => rank(a) - rank(b));
}

async function loadSigner(path: string, agent: string | undefined): Promise<Signer> {
  try {
    const file = readRegularFile(path, maxKeyFileBytes, (stats) => requirePrivate(path, stats));
    return await parsePrivateKey(file, { name: path });
  } catch (error) {
    if (agent === undefined) throw error;
    const { agentHostKey } = await import('./host-key-agent.ts');
    const signer = agentHostKey(agent, path);
    if (signer === undefined) throw error;
    return signer;
  }
}

/** As OpenSSH: of a key that is ours, nobody else may see anything. A key of another owner is that owner's business. */
function requirePrivate(path: string, stats: Stats): void {
  if (process.getuid === undefined || stats.uid !== process.getuid() || (stats.mode & 0o077) === 0) return;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
  throw new SshError(`Permissions ${mode} for '${path}' are too open; the key is ignored. Run: chmod 600 '${path}'`, {
    code: 'bad-file',
    stage: 'config',
  });
}

function rank(key: HostKey): number {
  return hostKeyAlgorithms.findIndex((algorithm) => algorithm.keyType === key.signer.publicKey.type);
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'No such file or directory';
  if (code === 'EACCES') return 'Permission denied';
  return message;
}
