/** Finds the server that is meant: by its socket, by its settings, or because there is no other. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SshError } from '@nacre/ssh/errors';
import type { FlagRow } from '../../../flags/index.ts';
import { chooseConfigFile } from '../config/choose-file.ts';
import { readConfig, type Settings } from '../config/config.ts';
import { askServer } from '../control/client.ts';
import { controlFolder, controlSocketPath } from '../control/place.ts';
import type { ControlRequest } from '../control/protocol.ts';

/** The flags by which a server is named: those that it was started with. */
export const serverRows = [
  { letter: 'f', name: 'config', value: 'config_file', help: 'The configuration file of the server.' },
  { letter: 'o', name: 'options', value: 'option', repeatable: true, help: 'A line of its configuration.' },
  { letter: 'p', name: 'ports', value: 'port', repeatable: true, help: 'The port that it listens on.' },
  { letter: 'socket', name: 'socket', value: 'path', help: 'Its control socket.' },
  { letter: 'h', name: 'help', help: 'This text.' },
  { letter: 'help', name: 'helpWord', help: '-h' },
] as const satisfies readonly FlagRow[];

interface ServerFlags {
  readonly config: string | undefined;
  readonly options: readonly string[];
  readonly ports: readonly string[];
  readonly socket: string | undefined;
}

export function readServerSettings({ config, options, ports }: ServerFlags): Settings {
  return readConfig(options, chooseConfigFile(config), ports.map(readPort)).settings;
}

/**
 * Asks the server. Where nothing names one and the default is not there, the only one that answers is meant.
 *
 * @throws SshError `connect-failed` where none answers.
 */
export async function askNamedServer(flags: ServerFlags, request: ControlRequest): Promise<unknown> {
  if (flags.socket !== undefined) return askServer(flags.socket, request);
  const path = controlSocketPath(readServerSettings(flags));
  const isNamed = flags.config !== undefined || flags.options.length > 0 || flags.ports.length > 0;
  if (path === undefined) {
    throw new SshError('this server has no control socket (ControlSocket none)', {
      code: 'connect-failed',
      stage: 'usage',
      remedy: 'Set ControlSocket in its configuration.',
    });
  }
  try {
    return await askServer(path, request);
  } catch (error) {
    const isGone = error instanceof SshError && error.code === 'connect-failed';
    const only = isGone && !isNamed ? await onlyServer() : undefined;
    if (only === undefined) throw error;
    return askServer(only, request);
  }
}

const maxTried = 256;

/** The socket of the one server that answers in the folder of sockets. */
async function onlyServer(): Promise<string | undefined> {
  const folder = controlFolder();
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.sock'));
  } catch {
    return undefined;
  }
  const found: string[] = [];
  for (const name of names.slice(0, maxTried)) {
    const path = join(folder, name);
    const isThere = await askServer(path, { ask: 'status' }).then(
      () => true,
      () => false,
    );
    if (isThere) found.push(path);
  }
  return found.length === 1 ? found[0] : undefined;
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new SshError(`"${text}" is no port`, { code: 'misuse', stage: 'usage' });
}
