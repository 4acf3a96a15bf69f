/** Settings that have no effect yet: told in the log where somebody gave them, so that nobody counts on what does not happen. */
import { type ClientConfig, type ClientKeyword, clientKeywords } from '@nacre/ssh/config';
import type { Log } from './log.ts';

const later: ReadonlySet<ClientKeyword> = new Set<ClientKeyword>([
  'bindInterface',
  'channelTimeout',
  'controlMaster',
  'controlPath',
  'controlPersist',
  'enableEscapeCommandline',
  'forwardAgent',
  'forwardX11',
  'ipQos',
  'localCommand',
  'logVerbose',
  'obscureKeystrokeTimingMs',
  'syslogFacility',
  'tcpKeepAlive',
  'tunnel',
]);

export function tellLaterSettings({ origins }: ClientConfig, log: Log): void {
  for (const [keyword, [place]] of origins) {
    if (!later.has(keyword) || place === undefined) continue;
    log.debug(1, `${place.file} line ${place.line}: ${clientKeywords[keyword].name} is not supported yet, ignored`);
  }
}
