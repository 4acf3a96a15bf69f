/** Values that are expanded for everybody who uses the settings: User, SetEnv, and the sockets of forwards. */
import { SshError } from '../../errors.ts';
import type { Forward } from '../forwards.ts';
import { configError } from '../place.ts';
import { expandTokens, expandVariables, type TokenValues } from '../tokens.ts';
import type { ClientKeyword } from './keywords.ts';
import type { ClientConfig } from './settled.ts';
import type { ConfigSystem } from './system.ts';
import { clientTokens, tokenFacts } from './tokens.ts';

/**
 * Tokens and `${ENV}` in place of what they stand for.
 *
 * @throws SshError `bad-file`, with file and line, for a token that is not known and a variable that is not set.
 */
export function expandSettings(config: ClientConfig, system: ConfigSystem): ClientConfig {
  const named = expandUser(config, system);
  const tokens = clientTokens(tokenFacts(named), system);
  const expander = (keyword: ClientKeyword, name: string) => (text: string, index: number) =>
    expand(text, named, keyword, name, index, tokens, system);
  const { localForward, remoteForward, setEnv } = named.settings;
  const [local, remote] = [expander('localForward', 'LocalForward'), expander('remoteForward', 'RemoteForward')];
  return {
    ...named,
    settings: {
      ...named.settings,
      // Names of hosts are in lower case wherever they are looked up.
      hostKeyAlias: named.settings.hostKeyAlias?.toLowerCase(),
      localForward: localForward.map((forward, index) => expandSockets(forward, (path) => local(path, index))),
      remoteForward: remoteForward.map((forward, index) => expandSockets(forward, (path) => remote(path, index))),
      setEnv: setEnv.map(expander('setEnv', 'SetEnv')),
    },
  };
}

/**
 * A name that was typed is left as it is: it may come from a page or a script, and would be checked for what it is and not for
 * what it becomes (OpenSSH CVE-2026-35386). One of a file is checked once it is expanded.
 */
function expandUser(config: ClientConfig, system: ConfigSystem): ClientConfig {
  const { user: written } = config.settings;
  if (written === undefined || (config.origins.get('user')?.[0]?.line ?? 0) === 0) return config;
  // The user's name is part of these.
  const { r: _r, C: _C, ...tokens } = clientTokens(tokenFacts(config), system);
  const user = expand(written, config, 'user', 'User', 0, tokens, system);
  return { ...config, user, settings: { ...config.settings, user } };
}

function expand(
  text: string,
  { origins }: ClientConfig,
  keyword: ClientKeyword,
  name: string,
  index: number,
  tokens: TokenValues,
  { environment }: ConfigSystem,
): string {
  if (!/[%$]/.test(text)) return text;
  try {
    return expandTokens(expandVariables(text, environment, name), tokens, name);
  } catch (error) {
    const places = origins.get(keyword) ?? [];
    const place = places[index] ?? places.at(-1);
    if (!(error instanceof SshError) || place === undefined || place.line === 0) throw error;
    throw configError(place, error.message, error.remedy);
  }
}

/** Only paths: names of hosts are what they are. */
function expandSockets({ listen, target }: Forward, expandPath: (path: string) => string): Forward {
  return {
    listen: listen.kind === 'unix' ? { kind: 'unix', path: expandPath(listen.path) } : listen,
    target: target.kind === 'unix' ? { kind: 'unix', path: expandPath(target.path) } : target,
  };
}
