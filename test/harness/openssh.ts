/** OpenSSH: the system's own (9.2 on Debian 12) and version 10 from backports, as servers and as programs. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSsh10Folder, requireProgram } from './paths.ts';
import { freePort, type ProgramResult, type RunOptions, runProgram, startProgram } from './programs.ts';
import {
  currentUser,
  makeServerFiles,
  type ServerOptions,
  serverOf,
  type TestServer,
  withPlainShell,
} from './servers.ts';

/** `9.2` is the system's OpenSSH, whatever its version (Debian 12 has 9.2); `10.0` the one from backports. */
export type OpenSshVersion = '9.2' | '10.0';

export interface OpenSshServerOptions extends ServerOptions {
  version?: OpenSshVersion;
  /** Lines of sshd_config. They come first, and OpenSSH takes the first value it finds. */
  config?: readonly string[];
  /** Further flags of sshd. */
  flags?: readonly string[];
  /** Default: who runs the tests. */
  user?: string;
}

/** The path of an OpenSSH program: `openSshProgram('ssh', '10.0')`. */
export function openSshProgram(name: string, version: OpenSshVersion = '9.2'): string {
  if (version === '9.2') return name === 'sftp-server' ? '/usr/lib/openssh/sftp-server' : requireProgram(name);
  for (const folder of ['usr/bin', 'usr/sbin', 'usr/lib/openssh']) {
    const path = join(openSsh10Folder, folder, name);
    if (existsSync(path)) return path;
  }
  throw new Error(`OpenSSH 10 has no ${name} at ${openSsh10Folder}; \`npm run peers\` unpacks it`);
}

/** Starts OpenSSH's sshd in the foreground; it lets the harness's user key in. */
export async function startOpenSshServer(options: OpenSshServerOptions = {}): Promise<TestServer> {
  const { version = '9.2', config = [], flags = [], prefix = [], user = currentUser() } = options;
  const files = await makeServerFiles(options);
  // As root, sshd locks its unprivileged part into this folder and refuses to start without it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const port = await freePort();
  const configFile = join(files.folder, 'sshd_config');
  const { general, blocks } = withPlainShell(config, options);
  const lines = [
    ...general,
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    ...files.hostKeys.map(({ file }) => `HostKey ${file}`),
    `AuthorizedKeysFile ${files.authorizedKeysFile}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'LogLevel VERBOSE',
    `Subsystem sftp ${openSshProgram('sftp-server', version)}`,
    ...(version === '10.0' ? ownParts() : []),
    // A test that opens many connections at once is no attack. Of this keyword OpenSSH takes the last line, not the first.
    ...(config.some((line) => /^MaxStartups\b/i.test(line)) ? [] : ['MaxStartups 200']),
    ...(version === '10.0' ? ['PerSourcePenalties no'] : []),
  ];
  // "Match" ends the global part, so blocks of the caller have to come last.
  writeFileSync(configFile, `${[...lines, ...blocks].join('\n')}\n`);
  const program = startProgram([...prefix, openSshProgram('sshd', version), '-D', '-e', '-f', configFile, ...flags], {
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  await program.waitForLog(/Server listening on 127\.0\.0\.1 port \d+/);
  return serverOf(program, port, user, files);
}

/** sshd 10 starts programs of its own, which are looked for where the package would have put them. */
function ownParts(): string[] {
  const folder = join(openSsh10Folder, 'usr', 'lib', 'openssh');
  return [`SshdSessionPath ${join(folder, 'sshd-session')}`, `SshdAuthPath ${join(folder, 'sshd-auth')}`];
}

export interface OpenSshClientOptions extends RunOptions {
  version?: OpenSshVersion;
  /** Values for `-o`. They come first, and OpenSSH takes the first value it finds. */
  options?: readonly string[];
  /** Flags that go before the host. */
  flags?: readonly string[];
  /** Another program with ssh's flags: nacre's own. */
  program?: string;
}

/**
 * The arguments that make an OpenSSH-like client log in to a server of the harness, and read nothing of the person's own:
 * options only, without the host.
 */
export function clientOptions(server: TestServer, options: readonly string[] = []): string[] {
  return [
    '-F',
    '/dev/null',
    ...[
      ...options,
      `UserKnownHostsFile=${server.knownHostsFile}`,
      'GlobalKnownHostsFile=/dev/null',
      'StrictHostKeyChecking=yes',
      'BatchMode=yes',
      'IdentitiesOnly=yes',
      `IdentityFile=${server.identity.file}`,
      `Port=${server.port}`,
      `User=${server.user}`,
    ].flatMap((option) => ['-o', option]),
  ];
}

/** The whole command line of ssh against a server of the harness. */
export function sshCommand(server: TestServer, args: readonly string[], options: OpenSshClientOptions = {}): string[] {
  const program = options.program ?? openSshProgram('ssh', options.version);
  return [program, ...clientOptions(server, options.options), ...(options.flags ?? []), server.host, ...args];
}

/** Runs ssh against a server of the harness. */
export function runSsh(
  server: TestServer,
  args: readonly string[],
  options: OpenSshClientOptions = {},
): Promise<ProgramResult> {
  return runProgram(sshCommand(server, args, options), {
    ...options,
    env: { SSH_AUTH_SOCK: undefined, ...options.env },
  });
}
