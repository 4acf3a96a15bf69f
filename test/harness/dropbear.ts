/** dropbear: its server and its client dbclient. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dropbearKey, type KeyPair } from './keys.ts';
import { requireProgram } from './paths.ts';
import { freePort, type RunOptions, requireSuccess, startProgram, waitForPort } from './programs.ts';
import { makeServerFiles, type ServerOptions, serverOf, type TestServer } from './servers.ts';
import { createSystemUser } from './system-user.ts';

export interface DropbearServer extends TestServer {
  /** dropbear reads ~/.ssh/authorized_keys only, so it serves a user of its own, who has a password as well. */
  readonly password: string;
}

/** Starts dropbear in the foreground. Needs root, for the user it makes. */
export async function startDropbear(
  options: ServerOptions & { flags?: readonly string[] } = {},
): Promise<DropbearServer> {
  const files = await makeServerFiles(options);
  const user = await createSystemUser();
  await user.authorize(readFileSync(files.authorizedKeysFile, 'utf8').trim());
  const keyFlags: string[] = [];
  for (const pair of files.hostKeys) keyFlags.push('-r', await dropbearKey(pair));
  const port = await freePort();
  const address = ['-p', `127.0.0.1:${port}`, '-P', join(files.folder, 'pid')];
  const program = startProgram([
    requireProgram('dropbear'),
    '-F',
    '-E',
    ...keyFlags,
    ...address,
    ...(options.flags ?? []),
  ]);
  await waitForPort(port);
  const server = serverOf(program, port, user.name, files);
  const stop = async () => {
    await server.stop();
    await user.remove();
  };
  return { ...server, password: user.password, stop };
}

/** The whole command line of dbclient against a server of the harness, and the environment it needs. */
export async function dbclientCommand(
  server: TestServer,
  args: readonly string[],
  options: { identity?: KeyPair; flags?: readonly string[]; folder: string },
): Promise<{ argv: string[]; env: RunOptions['env'] }> {
  const identity = await dropbearKey(options.identity ?? server.identity);
  // Its own known_hosts knows no ports before 2022.84, so the name alone is written; HOME says where it looks.
  const ssh = join(options.folder, '.ssh');
  await requireSuccess(['mkdir', '-p', ssh]);
  const lines = server.hostKeys.map(
    ({ publicLine }) => `${server.host} ${publicLine.split(' ').slice(0, 2).join(' ')}`,
  );
  writeFileSync(join(ssh, 'known_hosts'), `${lines.join('\n')}\n`);
  const flags = ['-i', identity, '-p', String(server.port), '-l', server.user, ...(options.flags ?? [])];
  return { argv: [requireProgram('dbclient'), ...flags, server.host, ...args], env: { HOME: options.folder } };
}
