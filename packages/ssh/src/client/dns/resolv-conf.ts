/** resolv.conf(5): which name servers to ask, and whether their word on DNSSEC counts. */
import { isIP } from 'node:net';

export interface ResolverSettings {
  readonly servers: readonly string[];
  readonly timeoutMs: number;
  /** Rounds over all servers. */
  readonly attempts: number;
  /** The person who runs this machine trusts the servers and the way to them with DNSSEC (`options trust-ad`). */
  readonly trustAd: boolean;
  /** Ask over TCP only. */
  readonly useTcp: boolean;
}

/** As the C library has it. */
const maxServers = 3;
const defaults = { timeout: 5, attempts: 2 };
const most = { timeout: 30, attempts: 5 };

/**
 * Reads what matters here; the rest is passed over. Without a name server in it, one on this machine is asked.
 *
 * @param more - options that come behind those of the file (RES_OPTIONS).
 */
export function parseResolvConf(text: string, more = ''): ResolverSettings {
  const servers: string[] = [];
  const options: string[] = [];
  for (const line of text.slice(0, maxCharacters).split('\n')) {
    const [keyword, ...words] = line.trim().split(/[ \t]+/);
    if (keyword === 'nameserver' && words[0] !== undefined && isIP(words[0]) !== 0) servers.push(words[0]);
    if (keyword === 'options') options.push(...words);
  }
  options.push(...more.slice(0, maxCharacters).split(/\s+/));
  const number = (name: 'timeout' | 'attempts') => {
    const value = options.findLast((option) => option.startsWith(`${name}:`))?.slice(name.length + 1) ?? '';
    return /^\d{1,6}$/.test(value) ? Math.min(Math.max(Number(value), 1), most[name]) : defaults[name];
  };
  return {
    servers: servers.length === 0 ? ['127.0.0.1'] : servers.slice(0, maxServers),
    timeoutMs: number('timeout') * 1000,
    attempts: number('attempts'),
    trustAd: options.includes('trust-ad'),
    useTcp: options.includes('use-vc'),
  };
}

const maxCharacters = 64 * 1024;
