/** Where a connection's settings come from: the files of ssh, or others, and what outweighs them. */
import {
  type ClientConfig,
  type ClientDraft,
  ConfigError,
  type ConfigSystem,
  findClientKeyword,
  type ReadEvent,
  resolveClientConfig,
} from '../../config/index.ts';
import { SshError } from '../../errors.ts';
import { nodeConfigSystem } from '../config-system.ts';
import { resolveHostNames } from '../host-names.ts';

export interface ConfigSource {
  /**
   * Files in ssh_config's format, in the order in which they are read; the first value counts. Default: `~/.ssh/config` and
   * `/etc/ssh/ssh_config`, as ssh reads them; an empty list reads no file.
   */
  readonly files?: readonly string[];
  /** Lines that outweigh the files, as `ssh -o` takes them: `['Port 2222', 'ProxyJump bastion']`. For this host, not for jump hosts. */
  readonly overrides?: readonly string[];
  /** For `Match tagged`, as `ssh -P`. For this host, not for jump hosts. */
  readonly tag?: string;
  /** Told of files that are read, blocks that apply, and lines without effect. */
  readonly onEvent?: (event: ReadEvent) => void;
  /** Parts of the machine to put in place of its own: home folder, environment, user. */
  readonly system?: Partial<ConfigSystem>;
}

/** A host as it was named, by a person, by a program, or by ProxyJump. */
export interface NamedHost {
  readonly host: string;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
}

/** Settings for one host, and the system that their paths and tokens belong to. */
export interface SettledHost {
  readonly config: ClientConfig;
  readonly system: ConfigSystem;
}

/**
 * Reads the settings for a host.
 *
 * @param onTheWay - for a jump host: the hosts that it is reached over, where it is not its own settings that say.
 * @throws ConfigError whose message names file, line and keyword of what is wrong; other SshErrors of stage `config` alike.
 */
export async function settleHost(
  named: NamedHost,
  source: ConfigSource,
  onTheWay?: { readonly over: string | undefined },
): Promise<SettledHost> {
  const system = nodeConfigSystem(source.system);
  const own = (draft: ClientDraft): void => {
    if (named.user !== undefined) draft.user ??= named.user;
    if (named.port !== undefined) draft.port ??= named.port;
    if (source.tag !== undefined && onTheWay === undefined) draft.tag ??= source.tag;
    // What ssh asks of a jump host: nothing but a stream.
    if (onTheWay === undefined) return;
    if (onTheWay.over !== undefined) draft.proxyJump = onTheWay.over;
    Object.assign(draft, { sessionType: 'none', requestTty: 'no', clearAllForwardings: true });
  };
  try {
    const config = await resolveClientConfig(
      {
        host: named.host,
        commandLine: [own, ...(onTheWay === undefined ? (source.overrides ?? []) : [])],
        configFiles: source.files,
        canonicalize: resolveHostNames,
        ...(source.onEvent && { onEvent: source.onEvent }),
      },
      system,
    );
    return { config, system };
  } catch (error) {
    throw error instanceof ConfigError ? namingLines(error) : error;
  }
}

/** Somebody who has no log to look into wants the lines in the message. */
function namingLines({ message, mistakes, remedy = '' }: ConfigError): ConfigError {
  const text = mistakes.map((mistake) => mistake.text).join('; ');
  return new ConfigError(text === '' ? message : text, mistakes, remedy);
}

/** Puts file and line before what is wrong with a value that was found wrong only in its use: `IdentityFile: unknown key %z`. */
export function withPlace(error: unknown, { origins }: Pick<ClientConfig, 'origins'>): unknown {
  if (!(error instanceof SshError) || error instanceof ConfigError || error.stage !== 'config') return error;
  const name = /^(\w+): /.exec(error.message)?.[1];
  const key = name === undefined ? undefined : findClientKeyword(name);
  const place = key === undefined ? undefined : origins.get(key)?.[0];
  if (key === undefined || place === undefined || place.line === 0) return error;
  const text = `${place.file} line ${place.line}: ${error.message}`;
  return new ConfigError(text, [{ ...place, keyword: key.toLowerCase(), text }], error.remedy ?? 'Correct this line.');
}
