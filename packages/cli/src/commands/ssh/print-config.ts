/** -G: the settings for a host, a line each; with -v, where each of them was said. */
import { type DumpLine, dumpClientConfig, expandHome } from '@nacre/ssh/config';
import { allAlgorithms } from './algorithms.ts';
import { expandPath, orUndefined } from './paths.ts';
import type { Request } from './request.ts';

/** What is tried where no IdentityFile is configured, as files write it. */
const defaultIdentities = ['id_rsa', 'id_ecdsa', 'id_ecdsa_sk', 'id_ed25519', 'id_ed25519_sk'].map(
  (name) => `~/.ssh/${name}`,
);

export function printConfig(request: Request): void {
  const { config, settings, originalHost, home, log } = request;
  const home_ = (file: string): string => expandHome(file, home);
  const controlPath = orUndefined(settings.controlPath);
  const shown = {
    ...settings,
    userKnownHostsFile: settings.userKnownHostsFile.map(home_),
    ...(controlPath !== undefined && { controlPath: expandPath(controlPath, request, 'ControlPath') }),
  };
  const lines = dumpClientConfig(
    { ...config, settings: shown },
    { algorithms: allAlgorithms(settings), defaultIdentityFiles: defaultIdentities },
  );
  // A level that a file sets is no wish of the person who looks.
  const isVerbose = log.shows('DEBUG1') && config.origins.get('logLevel')?.[0]?.line === 0;
  process.stdout.write(`host ${originalHost}\n`);
  for (const line of lines) process.stdout.write(`${isVerbose ? withPlace(line) : line.text}\n`);
}

function withPlace({ text, place }: DumpLine): string {
  if (place === undefined) return `${text}  # default`;
  return place.line === 0 ? `${text}  # ${place.file}` : `${text}  # ${place.file}:${place.line}`;
}
