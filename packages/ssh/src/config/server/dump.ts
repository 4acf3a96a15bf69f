/** Settings as `sshd -T` prints them: read back, they are the same settings. */
import { ownKeywords, type ServerKeyword, type ServerSettings, serverKeywords, serverRow } from './keywords.ts';

export interface ServerDumpOptions {
  /** The host keys that are used where none is configured. */
  readonly defaultHostKeys?: readonly string[];
}

/** A line for each value, `port 22`; those that nobody gave and that have no default are left out. */
export function dumpServerConfig(settings: ServerSettings, options: ServerDumpOptions = {}): string[] {
  const keys = Object.keys(serverKeywords) as ServerKeyword[];
  return keys.flatMap((key) => {
    const { name } = serverRow(key);
    return textsOf(key, settings, options).map((text) => `${name.toLowerCase()} ${text}`);
  });
}

function textsOf(key: ServerKeyword, settings: ServerSettings, options: ServerDumpOptions): readonly string[] {
  const { hostKey } = settings;
  if (key === 'hostKey' && hostKey.length === 0) return options.defaultHostKeys ?? [];
  // A keyword of ours stands in the dump only where it was given: OpenSSH could not read it.
  const { format, initial } = serverRow(key);
  if (ownKeywords.has(key) && format(settings[key]).join() === format(initial).join()) return [];
  if (key === 'listenAddress') return listenTexts(settings);
  return optional.has(key) && settings[key] === undefined ? [] : format(settings[key]);
}

/** Nothing is printed of these where they are not set. */
const optional: ReadonlySet<ServerKeyword> = new Set(['rdomain', 'sshdSessionPath', 'sshdAuthPath']);

/** With every port, as OpenSSH resolves them. */
function listenTexts(settings: ServerSettings): string[] {
  const ports = settings.port.length === 0 ? [22] : settings.port;
  if (settings.listenAddress.length > 0) {
    return settings.listenAddress.flatMap(({ port, ...place }) =>
      (port === undefined ? ports : [port]).flatMap((one) =>
        serverKeywords.listenAddress.format([{ ...place, port: one }]),
      ),
    );
  }
  const { addressFamily } = settings;
  const hosts = ['::', '0.0.0.0'].filter(
    (host) => addressFamily === 'any' || (host === '::') === (addressFamily === 'inet6'),
  );
  return ports.flatMap((port) => hosts.flatMap((host) => serverKeywords.listenAddress.format([{ host, port }])));
}
