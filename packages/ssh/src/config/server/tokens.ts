/** The tokens that sshd_config values may hold (sshd_config(5), TOKENS), put in for one login. */
import { expandTokens, type TokenValues } from '../tokens.ts';

/** What is known of a login; each is asked for only where a value uses it. */
export interface ServerTokenFacts {
  readonly user: string;
  readonly userId: number;
  readonly home: string;
  /** Client address and port, server address and port. */
  readonly endpoints?: () => readonly [address: string, port: number, localAddress: string, localPort: number];
  /** The routing domain in which the connection came. */
  readonly rdomain?: () => string;
  readonly key?: ServerKeyTokens;
  /** When it is, on this machine's calendar. */
  readonly date?: Date;
}

/** The key or certificate that was offered, as tokens show it. */
export interface ServerKeyTokens {
  readonly type: () => string;
  readonly base64: () => string;
  readonly fingerprint: () => string;
  /** Of a certificate. */
  readonly certificate?: {
    readonly keyId: () => string;
    readonly serial: () => string;
    readonly authorityType: () => string;
    readonly authorityBase64: () => string;
    readonly authorityFingerprint: () => string;
  };
}

/** Which tokens a keyword takes; `%%` goes everywhere. */
const allowed = {
  AuthorizedKeysFile: 'hUu',
  AuthorizedPrincipalsFile: 'hUu',
  ChrootDirectory: 'hUu',
  AuthorizedKeysCommand: 'CDfhktUu',
  AuthorizedPrincipalsCommand: 'CDFfhiKksTtUu',
  RDomain: 'D',
  RecordFolder: 'hUudmY',
} as const;

export type TokenKeyword = keyof typeof allowed;

/**
 * Puts the tokens of a value in.
 *
 * @throws SshError `bad-file` for a token that the keyword does not take, or of which nothing is known.
 * @example
 * expandServerTokens('AuthorizedKeysFile', '/etc/keys/%u', { user: 'ada', userId: 1000, home: '/home/ada' });
 */
export function expandServerTokens(keyword: TokenKeyword, text: string, facts: ServerTokenFacts): string {
  const values = tokenValues(facts);
  const letters = allowed[keyword].split('').filter((letter) => Object.hasOwn(values, letter));
  return expandTokens(
    text,
    Object.fromEntries(letters.map((letter) => [letter, values[letter] as () => string])),
    keyword,
  );
}

function tokenValues({ user, userId, home, endpoints, rdomain, key, date }: ServerTokenFacts): TokenValues {
  const { certificate } = key ?? {};
  return {
    h: () => home,
    U: () => String(userId),
    u: () => user,
    ...(endpoints && { C: () => endpoints().join(' ') }),
    ...(rdomain && { D: rdomain }),
    ...(date && {
      Y: () => String(date.getFullYear()),
      m: () => String(date.getMonth() + 1).padStart(2, '0'),
      d: () => String(date.getDate()).padStart(2, '0'),
    }),
    ...(key && { f: key.fingerprint, k: key.base64, t: key.type }),
    ...(certificate && {
      F: certificate.authorityFingerprint,
      i: certificate.keyId,
      K: certificate.authorityBase64,
      s: certificate.serial,
      T: certificate.authorityType,
    }),
  };
}
