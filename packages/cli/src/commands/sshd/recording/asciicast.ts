/** Lines of an asciicast v2 file (docs.asciinema.org/manual/asciicast/v2): a header, then an event a line. */
import type { RecordedLogin, RecordingEvent, RecordingMeta } from './types.ts';

/** @param startMs - since 1970. */
export function formatHeader(login: RecordedLogin, meta: RecordingMeta, host: string, startMs: number): string {
  const { user, shell, address = 'UNKNOWN', home: _home, ...who } = login;
  const { columns, rows, command, term, session, kind } = meta;
  const header = {
    version: 2,
    // Players divide by them: a client may say 0.
    width: Math.max(1, columns),
    height: Math.max(1, rows),
    timestamp: Math.floor(startMs / 1000),
    ...(command !== undefined && { command }),
    title: `${user}@${host} from ${address}`,
    env: { ...(term !== undefined && term !== '' && { TERM: term }), SHELL: shell },
    nacre: { user, address, ...who, session, kind },
  };
  return `${JSON.stringify(header)}\n`;
}

/** Escape sequences stay what they are: JSON keeps them, and whoever plays the file wants them. */
export function formatEvent(kind: RecordingEvent, seconds: number, text: string): string {
  return `${JSON.stringify([Math.round(seconds * 1e6) / 1e6, kind, text])}\n`;
}
