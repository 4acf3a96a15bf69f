/** The tokens that ssh_config values may hold (ssh_config(5), TOKENS). */
import { hash } from '../../crypto/hash.ts';
import type { TokenValues } from '../tokens.ts';
import type { ConfigSystem } from './system.ts';

export interface TokenFacts {
  /** As it was typed. */
  readonly originalHost: string;
  /** The name that is connected to. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** HostKeyAlias, or else the host as it was typed. */
  readonly hostKeyAlias: string | undefined;
  /** ProxyJump as it was given, `` where there is none. */
  readonly jumpHosts: string;
}

/** Those that most keywords take: %C %d %h %i %j %k %L %l %n %p %r %u. */
export function clientTokens(facts: TokenFacts, system: ConfigSystem): TokenValues {
  const { originalHost, host, port, user, hostKeyAlias, jumpHosts } = facts;
  const { localHostName, localUser, localUserId, home } = system;
  return {
    C: () => hash('sha1', Buffer.from(`${localHostName}${host}${port}${user}${jumpHosts}`)).toString('hex'),
    d: () => home,
    h: () => host,
    i: () => localUserId,
    j: () => jumpHosts,
    k: () => hostKeyAlias ?? originalHost,
    L: () => localHostName.split('.')[0] as string,
    l: () => localHostName,
    n: () => originalHost,
    p: () => String(port),
    r: () => user,
    u: () => localUser,
  };
}

/** Those that ProxyCommand and ProxyJump take. */
export function proxyTokens({ originalHost, host, port, user, hostKeyAlias }: TokenFacts): TokenValues {
  return {
    h: () => host,
    k: () => hostKeyAlias ?? originalHost,
    n: () => originalHost,
    p: () => String(port),
    r: () => user,
  };
}

interface Settled extends Pick<TokenFacts, 'originalHost' | 'host' | 'user'> {
  readonly settings: Pick<TokenFacts, 'port' | 'hostKeyAlias'> & { readonly proxyJump: string | undefined };
}

/** The facts of a settled configuration. */
export function tokenFacts({ settings, originalHost, host, user }: Settled): TokenFacts {
  const { port, hostKeyAlias, proxyJump = '' } = settings;
  const jumpHosts = proxyJump.toLowerCase() === 'none' ? '' : proxyJump;
  return { originalHost, host, port, user, hostKeyAlias: hostKeyAlias?.toLowerCase(), jumpHosts };
}
