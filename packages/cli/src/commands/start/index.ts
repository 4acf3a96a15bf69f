/** `nacre start` (and `npm start`): sshd on the loopback interface for the person who starts it, ready to be tried. */
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { SshError } from '@nacre/ssh/errors';
import { fingerprint, type PrivateKey, shortTypeName } from '@nacre/ssh/keys';
import { parseFlags } from '../../flags/index.ts';
import { type Account, findAccount } from '../../os/index.ts';
import { packagePath } from '../../os/installation.ts';
import { readConfig } from '../sshd/config/config.ts';
import { runDaemon } from '../sshd/daemon.ts';
import { openLog } from '../sshd/log.ts';
import { loadOrMakeHostKey } from './host-key.ts';
import { makeOneTimePassword } from './one-time-password.ts';

const table = {
  tool: 'start',
  rows: [
    { letter: 'p', name: 'port', value: 'port', help: 'The port to listen on; default 2222, or the next free one.' },
  ],
} as const;

const address = '127.0.0.1';
const firstPort = 2222;
const portsToTry = 100;

export async function run(args: readonly string[]): Promise<number> {
  const { flags } = parseFlags(table, args);
  const account = findAccount(process.getuid?.() ?? -1);
  if (account === undefined) throw unable('this system has no account for you', 'use Linux or macOS for this');
  const port = await findFreePort(flags.port === undefined ? undefined : Number(flags.port));
  const { key, path } = await loadOrMakeHostKey(join(homedir(), '.nacre'));
  const keyFiles = findKeyFiles(join(account.home, '.ssh'));
  const { password, check } = makeOneTimePassword(account.name);
  const config = readConfig(
    [
      `ListenAddress=${address}`,
      `HostKey="${path}"`,
      `AuthorizedKeysFile=${keyFiles.map((file) => `"${file.replaceAll('%', '%%')}"`).join(' ') || 'none'}`,
      `AllowUsers=${account.name}`,
      'PermitRootLogin=yes',
      'PidFile=none',
      'Subsystem=sftp internal-sftp',
    ],
    undefined,
    [port],
  );
  const log = openLog({ kind: 'stderr' }, config.settings.logLevel);
  return runDaemon({
    log,
    load: () => Promise.resolve({ config, hostKeys: [{ signer: key }], log, checkPassword: check }),
    onListening: () => process.stdout.write(introduce(account, port, key, keyFiles, password)),
  });
}

function introduce(
  account: Account,
  port: number,
  key: PrivateKey,
  keyFiles: readonly string[],
  password: string,
): string {
  const destination = `-p ${port} ${account.name}@${address}`;
  const own = relative(process.cwd(), packagePath('..', '..', 'bin', 'ssh'));
  const keys = keyFiles.length === 0 ? 'none of your keys: there is none in ~/.ssh' : keyFiles.join(', ');
  return `
Log in with nacre:     ${own} ${destination}
or any other client:   ssh ${destination}

Host key:              ${shortTypeName(key.publicKey)} ${fingerprint(key.publicKey)}
One-time password:     ${password}   (good for one login)
Keys that may log in:  ${keys}

It serves ${account.name} only, on this machine only. Ctrl-C ends it.

`;
}

/** The person's own public keys, and those they trust already. */
function findKeyFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).sort();
  return names
    .filter((name) => name === 'authorized_keys' || /^id_[A-Za-z0-9_-]+\.pub$/.test(name))
    .map((name) => join(folder, name));
}

async function findFreePort(wanted: number | undefined): Promise<number> {
  if (wanted !== undefined) {
    if (Number.isInteger(wanted) && wanted > 0 && wanted < 65536) return wanted;
    throw unable('the port has to be a number from 1 to 65535', 'write it as in -p 2222');
  }
  for (let port = firstPort; port < firstPort + portsToTry; port++) if (await isFree(port)) return port;
  throw unable(`the ports from ${firstPort} on are all taken`, 'name a free one with -p');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, address, () => probe.close(() => resolve(true)));
  });
}

function unable(message: string, remedy: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'tcp', remedy });
}
