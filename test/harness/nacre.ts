/** nacre's own programs, as a person would run them: bin/sshd as a server, bin/ssh and its kin as commands. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nacreProgram } from './paths.ts';
import { freePort, startProgram } from './programs.ts';
import {
  currentUser,
  makeServerFiles,
  type ServerOptions,
  serverOf,
  type TestServer,
  withPlainShell,
} from './servers.ts';

export interface NacreServerOptions extends ServerOptions {
  /** Lines of sshd_config. They come first, and the first value found counts. */
  config?: readonly string[];
  /** Values for `-o`; they win over the file. */
  options?: readonly string[];
  /** Further flags of sshd. */
  flags?: readonly string[];
  user?: string;
}

/** Starts bin/sshd in the foreground; it lets the harness's user key in. */
export async function startNacreServer(options: NacreServerOptions = {}): Promise<TestServer> {
  const { user = currentUser() } = options;
  const files = await makeServerFiles(options);
  const port = await freePort();
  const configFile = join(files.folder, 'sshd_config');
  const lines = [
    'ListenAddress 127.0.0.1',
    'PidFile none',
    'StrictModes no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'LogLevel VERBOSE',
    `AuthorizedKeysFile ${files.authorizedKeysFile}`,
  ];
  // A test whose logins fail is no attack.
  if (!options.config?.some((line) => /^PerSourcePenalties\b/i.test(line))) lines.push('PerSourcePenalties no');
  const { general, blocks } = withPlainShell(options.config ?? [], options);
  writeFileSync(configFile, `${[...general, ...lines, ...blocks].join('\n')}\n`);
  const argv = [
    ...(options.prefix ?? []),
    nacreProgram('sshd'),
    ...['-D', '-e', '-f', configFile, '-p', String(port)],
    ...files.hostKeys.flatMap(({ file }) => ['-h', file]),
    ...(options.options ?? []).flatMap((option) => ['-o', option]),
    ...(options.flags ?? []),
  ];
  const program = startProgram(argv, options.env === undefined ? {} : { env: options.env });
  await program.waitForLog(new RegExp(`Server listening on 127\\.0\\.0\\.1 port ${port}\\.`));
  return serverOf(program, port, user, files);
}
