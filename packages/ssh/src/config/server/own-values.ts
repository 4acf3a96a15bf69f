/** Values of keywords that OpenSSH does not know: status, metrics and recordings. */
import { ValueError } from '../place.ts';
import { type KeywordRow, parseBytes, quoteWord } from '../values.ts';
import { isNone, oneWord } from './rows.ts';

/** `default` is a place that follows from the addresses listened on; undefined is no socket. */
export const controlSocket: KeywordRow<string | undefined> = oneWord<string | undefined>(
  'ControlSocket',
  'default',
  (text, { absolute }) => {
    if (isNone(text)) return undefined;
    return text.toLowerCase() === 'default' ? 'default' : (absolute?.(text) ?? text);
  },
  (value) => (value === undefined ? 'none' : quoteWord(value)),
  'missing socket name.',
);

/** Where metrics are read: an address with a port, or a Unix socket. */
export type MetricsPlace = { readonly host: string; readonly port: number } | { readonly path: string };

export const metricsListen: KeywordRow<MetricsPlace | undefined> = oneWord<MetricsPlace | undefined>(
  'MetricsListen',
  undefined,
  (text, { keyword }) => {
    if (isNone(text)) return undefined;
    if (text.startsWith('/')) return { path: text };
    const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
    const host = bracketed ?? plain;
    const port = Number(digits);
    if (host === undefined || port < 1 || port > 65_535) {
      throw new ValueError(`${keyword} wants address:port, [address]:port or the path of a socket.`);
    }
    return { host, port };
  },
  (value) => {
    if (value === undefined) return 'none';
    if ('path' in value) return quoteWord(value.path);
    return `${value.host.includes(':') ? `[${value.host}]` : value.host}:${value.port}`;
  },
);

/** A folder with tokens, from the top: what a relative one counts from would depend on who is recorded. */
export const recordFolder: KeywordRow<string | undefined> = oneWord<string | undefined>(
  'RecordFolder',
  undefined,
  (text, { keyword }) => {
    if (isNone(text)) return undefined;
    if (!/^(?:\/|%h)/.test(text)) throw new ValueError(`${keyword} must be an absolute path.`);
    const unknown = [...text.matchAll(/%(.?)/gsu)].find(([, letter = '']) => !/^[%hUuYmd]$/.test(letter));
    if (unknown !== undefined) throw new ValueError(`${keyword}: unknown key ${unknown[0]}`);
    return text;
  },
  (value) => (value === undefined ? 'none' : quoteWord(value)),
);

/** Bytes, with K, M or G; 0 keeps nothing. */
export const recordLimit: KeywordRow<number> = oneWord(
  'RecordLimit',
  0,
  (text, { keyword }) => {
    try {
      return isNone(text) ? 0 : parseBytes(text);
    } catch {
      throw new ValueError(`Bad ${keyword} number '${text}'.`);
    }
  },
  String,
);
