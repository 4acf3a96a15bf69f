/** -G: the settings for a host, a line each; with -v, where each of them was said. */
import { type DumpLine, dumpClientConfig } from '@nacre/ssh/config';
import { allAlgorithms } from './algorithms.ts';
import { expandPath, orUndefined } from './paths.ts';
import type { Request } from './request.ts';

/** What is tried where no IdentityFile is configured, as files write it. */
const defaultIdentities = ['id_rsa', 'id_ecdsa', 'id_ecdsa_sk', 'id_ed25519', 'id_ed25519_sk'].map(
  (name) => `~/.ssh/${name}`,
);

export async function printConfig(request: Request): Promise<void> {
  const { config, originalHost, log } = request;
  const lines = dumpLines(request);
  if (request.json) {
    const { shapeSettings } = await import('./config-json.ts');
    const shape = { version: 1, host: originalHost, settings: shapeSettings(lines) };
    process.stdout.write(`${JSON.stringify(shape, undefined, 2)}\n`);
    return;
  }
  // A level that a file sets is no wish of the person who looks.
  const isVerbose = log.shows('DEBUG1') && config.origins.get('logLevel')?.[0]?.line === 0;
  process.stdout.write(`host ${originalHost}\n`);
  for (const line of lines) process.stdout.write(`${isVerbose ? withPlace(line) : line.text}\n`);
}

/** What -G prints behind the host, paths and lists of algorithms as they are used. */
export function dumpLines({
  config,
  settings,
  ...expansion
}: Pick<Request, 'config' | 'settings' | 'home' | 'tokens'>) {
  // Read back, a percent sign would be taken for a token.
  const path = (text: string, keyword: string) => expandPath(text, expansion, keyword).replaceAll('%', '%%');
  const controlPath = orUndefined(settings.controlPath);
  const { identityAgent } = settings;
  const shown = {
    ...settings,
    userKnownHostsFile: settings.userKnownHostsFile.map((file) => path(file, 'UserKnownHostsFile')),
    ...(isPath(identityAgent) && { identityAgent: path(identityAgent, 'IdentityAgent') }),
    proxyCommand: orUndefined(settings.proxyCommand),
    proxyJump: orUndefined(settings.proxyJump),
    ...(controlPath !== undefined && { controlPath: path(controlPath, 'ControlPath') }),
  };
  return dumpClientConfig(
    { ...config, settings: shown },
    { algorithms: allAlgorithms(settings), defaultIdentityFiles: defaultIdentities },
  );
}

/** A socket, and not one of the words that say where to find its name. */
function isPath(agent: string | undefined): agent is string {
  return agent !== undefined && !/^(?:none|SSH_AUTH_SOCK|\$[A-Za-z_]\w*)$/i.test(agent);
}

function withPlace({ text, place }: DumpLine): string {
  if (place === undefined) return `${text}  # default`;
  return place.line === 0 ? `${text}  # ${place.file}` : `${text}  # ${place.file}:${place.line}`;
}
