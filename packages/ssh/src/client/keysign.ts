/** This machine's host keys, through the helper that alone may read them: OpenSSH's ssh-keysign, or another that speaks like it. */
import { spawn } from 'node:child_process';
import { promises as dns } from 'node:dns';
import { existsSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import type { Duplex } from 'node:stream';
import type { HostBasedIdentity } from '../auth/index.ts';
import { SshError } from '../errors.ts';
import { fingerprint, parsePublicKey, shortTypeName } from '../keys/index.ts';
import type { PublicKey, Signer } from '../keys/types.ts';
import { maxKeysignReplyBytes } from '../limits.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { readKeyFile } from './identities.ts';

export interface HostBasedOptions {
  /** The helper's path. Default: where systems install OpenSSH's. */
  readonly keysign?: string;
  /** Public halves of the host keys. Default: those of /etc/ssh. */
  readonly hostKeyFiles?: readonly string[];
}

const usualPlaces = [
  '/usr/lib/openssh/ssh-keysign',
  '/usr/libexec/openssh/ssh-keysign',
  '/usr/libexec/ssh-keysign',
  '/usr/lib/ssh/ssh-keysign',
];

const usualHostKeys = ['-cert.pub', '.pub'].flatMap((end) =>
  ['ecdsa', 'ed25519', 'rsa'].map((type) => `/etc/ssh/ssh_host_${type}_key${end}`),
);

/**
 * What this machine vouches with over a connection.
 *
 * @param stream - the connection: the helper looks at its own end of it, and signs only for the name that this address has.
 * @returns undefined where there is no helper, or no host key.
 */
export async function keysignIdentity(
  options: HostBasedOptions,
  stream: Duplex,
  log: (level: 1 | 2 | 3, text: string) => void = () => {},
): Promise<HostBasedIdentity | undefined> {
  const program = options.keysign ?? usualPlaces.find((path) => existsSync(path));
  if (program === undefined || !existsSync(program)) {
    log(1, `ssh_keysign: not installed: ${program ?? usualPlaces[0]}`);
    return undefined;
  }
  const keys = await loadHostKeys(options.hostKeyFiles ?? usualHostKeys);
  if (keys.length === 0) {
    log(1, 'HostbasedAuthentication enabled but no local public host keys could be loaded.');
    return undefined;
  }
  const local = addressOf(stream);
  // The helper compares names with what it finds for the address itself, or with the machine's for what is no socket.
  const name = local === undefined ? hostname() : await nameOf(local);
  const descriptor = local === undefined ? undefined : local.descriptor;
  const clientHost = `${name}.`;
  log(2, `userauth_hostbased: chost ${clientHost}`);
  return {
    clientHost,
    clientUser: userInfo().username,
    signers: keys.map((publicKey): Signer => {
      const label = `${shortTypeName(publicKey)} ${fingerprint(publicKey)}`;
      return {
        publicKey,
        label,
        sign: (data, _algorithm, { signal } = {}) => keysign(program, descriptor, data, signal),
      };
    }),
  };
}

async function loadHostKeys(files: readonly string[]): Promise<PublicKey[]> {
  const keys: PublicKey[] = [];
  for (const file of files) {
    try {
      keys.push(parsePublicKey((await readKeyFile(file)).toString('utf8')).key);
    } catch {
      // Not every machine has every type.
    }
  }
  return keys;
}

interface LocalEnd {
  readonly address: string;
  readonly port: number;
  readonly descriptor: number;
}

/** Our end of the connection, where it is a TCP socket whose descriptor can be lent. */
function addressOf(stream: Duplex): LocalEnd | undefined {
  const { localAddress, localPort, _handle } = stream as Partial<{
    localAddress: string;
    localPort: number;
    _handle: { fd?: number };
  }>;
  const descriptor = _handle?.fd ?? -1;
  if (localAddress === undefined || localPort === undefined || descriptor < 0) return undefined;
  return { address: localAddress, port: localPort, descriptor };
}

async function nameOf({ address, port }: LocalEnd): Promise<string> {
  try {
    return (await dns.lookupService(address, port)).hostname;
  } catch {
    return hostname();
  }
}

const protocolVersion = 2;
/** The first descriptor behind stdin, stdout and stderr. */
const socketDescriptor = 3;
const mostErrorBytes = 4096;

/** One request to the helper: a version, the connection's descriptor, and what is to be signed. */
function keysign(
  program: string,
  descriptor: number | undefined,
  data: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [], {
      stdio: ['pipe', 'pipe', 'pipe', descriptor ?? 'ignore'],
      ...(signal && { signal }),
    });
    const reply: Buffer[] = [];
    const said: Buffer[] = [];
    let replyBytes = 0;
    let saidBytes = 0;
    const fail = (reason: string, cause?: unknown) => reject(failure(program, reason, cause));
    child.once('error', (cause) => fail(cause.message, cause));
    child.stdout?.on('data', (chunk: Buffer) => {
      replyBytes += chunk.length;
      if (replyBytes <= maxKeysignReplyBytes) reply.push(chunk);
      else child.kill('SIGKILL');
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      saidBytes += chunk.length;
      if (saidBytes <= mostErrorBytes) said.push(chunk);
    });
    // A helper that refuses may end without reading.
    child.stdin?.on('error', () => {});
    const request = new WireWriter(data.length + 16).uint8(protocolVersion).uint32(socketDescriptor).string(data);
    child.stdin?.end(new WireWriter(data.length + 16).string(request.finish()).finish());
    child.once('close', () => {
      try {
        resolve(readReply(Buffer.concat(reply)));
      } catch (cause) {
        fail(Buffer.concat(said).toString('utf8').trim() || 'no reply', cause);
      }
    });
  });
}

function readReply(bytes: Buffer): Buffer {
  const frame = new WireReader(bytes, "ssh-keysign's reply");
  const reader = new WireReader(frame.string('reply'), "ssh-keysign's reply");
  frame.finish();
  const version = reader.uint8('version');
  if (version !== protocolVersion) throw reader.error(`version ${version}`);
  const signature = reader.string('signature');
  reader.finish();
  return signature;
}

function failure(program: string, reason: string, cause: unknown): SshError {
  return new SshError(`${program}: ${reason}`, {
    code: 'operation-failed',
    stage: 'auth',
    remedy: 'Host-based login needs "EnableSSHKeysign yes" in /etc/ssh/ssh_config, outside of Host and Match blocks.',
    cause,
  });
}
