/** Settings that have no effect yet: told in the log where somebody gave them, so that nobody counts on what does not happen. */
import { type ClientConfig, type ClientKeyword, clientKeywords } from '@nacre/ssh/config';
import type { Log } from './log.ts';

const later: ReadonlySet<ClientKeyword> = new Set<ClientKeyword>([]);

export function tellLaterSettings({ origins, settings }: ClientConfig, log: Log): void {
  if (settings.logVerbose.length > 0 && !log.showsAll) {
    log.debug(1, 'LogVerbose names source files of OpenSSH, which are not here: only * has an effect');
  }
  for (const [keyword, [place]] of origins) {
    if (!later.has(keyword) || place === undefined) continue;
    log.debug(1, `${place.file} line ${place.line}: ${clientKeywords[keyword].name} is not supported yet, ignored`);
  }
}
