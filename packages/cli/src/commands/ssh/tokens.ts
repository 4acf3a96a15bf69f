/** The %-tokens of ssh_config values, `~` and `${VARIABLE}`. */
import { hostname, userInfo } from 'node:os';
import { hash } from '@nacre/ssh/crypto';
import { FatalError } from './end.ts';

/** A token's letter and what it stands for, worked out only where it is used. */
export type TokenValues = Readonly<Record<string, () => string>>;

export interface TokenFacts {
  readonly originalHost: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly localUser: string;
  readonly home: string;
  readonly hostKeyAlias: string;
}

export function tokenValues(facts: TokenFacts): TokenValues {
  const { originalHost, host, port, user, localUser, home, hostKeyAlias } = facts;
  const localName = () => hostname();
  return {
    C: () => hash('sha1', Buffer.from(`${localName()}${host}${port}${user}`)).toString('hex'),
    d: () => home,
    h: () => host,
    i: () => String(userInfo().uid),
    j: () => '',
    k: () => hostKeyAlias,
    L: () => localName().split('.')[0] as string,
    l: localName,
    n: () => originalHost,
    p: () => String(port),
    r: () => user,
    u: () => localUser,
  };
}

/**
 * Replaces tokens.
 *
 * @throws FatalError for a token that is unknown here, as a value with a hole in it would mean something else.
 */
export function expandTokens(text: string, values: TokenValues, keyword: string): string {
  return text.replace(/%(.?)/gs, (_whole, letter: string) => {
    if (letter === '%') return '%';
    if (Object.hasOwn(values, letter)) return (values[letter] as () => string)();
    throw new FatalError(`${keyword}: unknown key %${letter}`, { always: true });
  });
}

/** A file's path: `~`, variables of the environment and tokens. */
export function expandPath(path: string, values: TokenValues, home: string, keyword: string): string {
  const withVariables = path.replace(/\$\{([^}]*)\}/g, (_whole, name: string) => {
    const value = process.env[name];
    if (value === undefined) throw new FatalError(`${keyword}: env var \${${name}} has no value`, { always: true });
    return value;
  });
  return expandTokens(withVariables.replace(/^~(?=\/|$)/, home), values, keyword);
}
