/** Settings as `ssh -G` prints them: read back, they are the same settings. */

import type { ConfigPlace } from '../place.ts';
import { type ClientKeyword, clientKeywords, clientRow } from './keywords.ts';
import type { ClientConfig } from './settled.ts';

export interface DumpLine {
  readonly keyword: ClientKeyword;
  /** `port 22` */
  readonly text: string;
  /** Undefined for a default. */
  readonly place: ConfigPlace | undefined;
}

export interface DumpOptions {
  /** The algorithm lists as they were settled, by keyword; where one is missing, as it was written. */
  readonly algorithms?: Partial<Readonly<Record<ClientKeyword, readonly string[]>>>;
  /** The identity files that are tried where none is configured. */
  readonly defaultIdentityFiles?: readonly string[];
}

/** A line for each value; those that nobody gave and that have no default are left out. */
export function dumpClientConfig(config: ClientConfig, options: DumpOptions = {}): DumpLine[] {
  const lines: DumpLine[] = [];
  for (const keyword of Object.keys(clientKeywords) as ClientKeyword[]) {
    const row = clientRow(keyword);
    const places = config.origins.get(keyword);
    for (const [index, text] of textsOf(keyword, config, options).entries()) {
      lines.push({ keyword, text: `${row.name.toLowerCase()} ${text}`, place: places?.[index] ?? places?.[0] });
    }
  }
  return lines;
}

function textsOf(keyword: ClientKeyword, config: ClientConfig, options: DumpOptions): readonly string[] {
  const { settings } = config;
  const names = options.algorithms?.[keyword];
  if (names !== undefined) return [names.join(',')];
  switch (keyword) {
    case 'user':
      return [escapeTokens(config.user)];
    case 'localForward':
    case 'remoteForward':
    case 'setEnv':
      return clientRow(keyword).format(settings[keyword]).map(escapeTokens);
    case 'hostName':
      return [config.host];
    case 'identityFile':
      return settings.identityFile.length > 0 ? settings.identityFile : (options.defaultIdentityFiles ?? []);
    default:
      return clientRow(keyword).format(settings[keyword]);
  }
}

/** What was expanded would be taken for tokens when it is read back. */
function escapeTokens(text: string): string {
  return text.replaceAll('%', '%%');
}
