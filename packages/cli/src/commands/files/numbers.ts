/** Numbers on the command lines of scp and sftp: ports, and the sizes of -X. */
import { FatalError } from '../ssh/end.ts';

/** What -X sets: how much is under way to a server at the same time. */
export interface SftpLimits {
  bufferBytes?: number;
  requests?: number;
}

/** The most of either. */
const most = 256 * 1024;

/** 1 to 65535; undefined for everything else. */
export function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** Reads `buffer=BYTES` or `nrequests=N`. @throws FatalError in OpenSSH's words. */
export function readSftpOption(text: string): SftpLimits {
  const [, name, value = ''] = /^(buffer|nrequests)=(.*)$/s.exec(text) ?? [];
  if (name === 'buffer') {
    const bytes = parseScaled(value);
    if (bytes === undefined || bytes <= 0 || bytes > most) {
      throw new FatalError(`Invalid buffer size "${value}": Invalid argument`);
    }
    return { bufferBytes: bytes };
  }
  if (name === 'nrequests') {
    const isNumber = /^\s*[+-]?\d+$/.test(value);
    const problem = !isNumber ? 'invalid' : Number(value) < 1 ? 'too small' : Number(value) > most ? 'too large' : '';
    if (problem !== '') throw new FatalError(`Invalid number of requests "${value}": ${problem}`);
    return { requests: Number(value) };
  }
  throw new FatalError('Invalid -X option');
}

/** `32k`, `0.5M`: a number with a letter for a power of 1,024. */
function parseScaled(text: string): number | undefined {
  const match = /^\s*([+-]?\d{1,15}(?:\.\d{1,15})?)([bkmgtpe]?)$/i.exec(text);
  if (match === null) return undefined;
  return Math.trunc(Number(match[1]) * 1024 ** Math.max(0, 'bkmgtpe'.indexOf((match[2] ?? '').toLowerCase())));
}
