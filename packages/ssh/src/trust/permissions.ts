/** What a login may do: the limits of keys, certificates and methods in one object, and how they add up. */
import { SshError } from '../errors.ts';
import { parseCertificateOptions, userCriticalOptions } from '../keys/index.ts';
import type { Certificate } from '../keys/types.ts';
import { matchCidrList, matchHostAndAddress } from './addresses.ts';
import { allFeatures, type FeatureFlags, features } from './features.ts';
import { type ForwardRule, matchesForwardRule } from './forward-rules.ts';

/** Everything a credential may limit. Made by authorized_keys, by certificates, and by `mergePermissions` from several. */
export interface Permissions {
  /** Run instead of whatever the client asks for. */
  readonly forceCommand: string | undefined;
  /** Added to the session's environment, where the server allows that at all. */
  readonly environment: ReadonlyMap<string, string>;
  readonly allow: FeatureFlags;
  /** `from=` lists of host and address patterns: the peer must match every list. */
  readonly from: readonly string[];
  /** Address lists of certificates: the peer's address must match every list. */
  readonly sourceAddresses: readonly string[];
  /** Destinations of forwarded connections: each list must allow one. No list: any destination. */
  readonly permitOpen: readonly (readonly ForwardRule[])[];
  /** Listening addresses of remote forwardings: as `permitOpen`. */
  readonly permitListen: readonly (readonly ForwardRule[])[];
  /** The one tunnel device to be used. */
  readonly tunnelDevice: number | undefined;
  /** Seconds since 1970 after which the credential is refused. */
  readonly expiresAt: number | undefined;
  /** Security keys: a signature must show that someone touched the key; false only where no-touch-required was given. */
  readonly requireUserPresence: boolean;
  /** Security keys: a signature must show a PIN or the like. */
  readonly requireUserVerification: boolean;
}

/** Where a login comes from, and when. */
export interface LoginContext {
  /** The peer's address. Without one, nothing that is limited to addresses is allowed. */
  readonly address: string | undefined;
  /** The peer's host name, if the server looked it up and trusts it. */
  readonly hostName?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** No limits: what a password login has. */
export const fullPermissions: Permissions = {
  forceCommand: undefined,
  environment: new Map(),
  allow: allFeatures(true),
  from: [],
  sourceAddresses: [],
  permitOpen: [],
  permitListen: [],
  tunnelDevice: undefined,
  expiresAt: undefined,
  requireUserPresence: true,
  requireUserVerification: false,
};

/**
 * The limits of two credentials together: whatever one of them forbids is forbidden (Go CVE-2026-39828: limits of a first
 * step that a second one dropped).
 *
 * @throws SshError `auth-failed` where the two name different commands, tunnel devices or values of a variable: nobody can say
 *   which was meant.
 */
export function mergePermissions(a: Permissions, b: Permissions): Permissions {
  return {
    forceCommand: oneOf('forced command', a.forceCommand, b.forceCommand),
    environment: mergeEnvironments(a.environment, b.environment),
    allow: Object.fromEntries(features.map(({ name }) => [name, a.allow[name] && b.allow[name]])) as FeatureFlags,
    from: [...a.from, ...b.from],
    sourceAddresses: [...a.sourceAddresses, ...b.sourceAddresses],
    permitOpen: [...a.permitOpen, ...b.permitOpen],
    permitListen: [...a.permitListen, ...b.permitListen],
    tunnelDevice: oneOf('tunnel device', a.tunnelDevice, b.tunnelDevice),
    expiresAt: earlier(a.expiresAt, b.expiresAt),
    requireUserPresence: a.requireUserPresence || b.requireUserPresence,
    requireUserVerification: a.requireUserVerification || b.requireUserVerification,
  };
}

/**
 * Why these permissions refuse a login from here and now; undefined where they do not. This is the one gate, to be asked
 * after every method (Go CVE-2026-46595: a source address that some methods never looked at).
 */
export function refusalFor(permissions: Permissions, context: LoginContext): string | undefined {
  // OpenSSH: the stated second itself is still allowed.
  if (permissions.expiresAt !== undefined && !(Math.floor(context.now / 1000) <= permissions.expiresAt)) {
    return 'the key expired (expiry-time)';
  }
  try {
    const isFrom = (list: string) => matchHostAndAddress(list, context.hostName, context.address) === 'match';
    if (!permissions.from.every(isFrom))
      return `the key may not be used from ${context.address ?? 'an unknown address'}`;
    const isSource = (list: string) => matchCidrList(list, context.address) === 'match';
    if (!permissions.sourceAddresses.every(isSource)) {
      return `the certificate may not be used from ${context.address ?? 'an unknown address'}`;
    }
  } catch (error) {
    if (error instanceof SshError) return error.message;
    throw error;
  }
  return undefined;
}

/** Whether a connection may be forwarded to a destination. */
export function mayOpen(permissions: Permissions, host: string, port: number): boolean {
  return (
    permissions.allow['port-forwarding'] &&
    permissions.permitOpen.every((rules) => rules.some((rule) => matchesForwardRule(rule, host, port, 'literal')))
  );
}

/** Whether a remote forwarding may listen on an address. */
export function mayListen(permissions: Permissions, host: string, port: number): boolean {
  return (
    permissions.allow['port-forwarding'] &&
    permissions.permitListen.every((rules) => rules.some((rule) => matchesForwardRule(rule, host, port, 'pattern')))
  );
}

/**
 * The limits that a user certificate carries.
 *
 * @throws SshError `bad-certificate` for a host certificate, a critical option that is not known here (PROTOCOL.certkeys:
 *   it must be refused), a malformed value, or an empty source-address list (which must not mean "anywhere").
 */
export function permissionsFromCertificate(certificate: Certificate): Permissions {
  if (certificate.kind !== 'user') throw badCertificate('expected a user certificate, got a host certificate');
  for (const name of certificate.criticalOptions.keys()) {
    if (!userCriticalOptions.includes(name))
      throw badCertificate(`the critical option "${name.slice(0, 100)}" is unknown`);
  }
  const options = parseCertificateOptions(certificate);
  const { sourceAddress } = options;
  if (sourceAddress !== undefined) requireSourceAddress(sourceAddress);
  const allow = features.map((row) => [row.name, options.permits.has(row.extension)] as const);
  return {
    ...fullPermissions,
    forceCommand: options.forceCommand,
    allow: Object.fromEntries(allow) as FeatureFlags,
    sourceAddresses: sourceAddress === undefined ? [] : [sourceAddress],
    requireUserPresence: !options.noTouchRequired,
    requireUserVerification: options.verifyRequired,
  };
}

function oneOf<T>(what: string, a: T | undefined, b: T | undefined): T | undefined {
  if (a !== undefined && b !== undefined && a !== b) {
    throw new SshError(`two credentials name different values for the ${what}`, {
      code: 'auth-failed',
      stage: 'auth',
      remedy: `Leave the ${what} to one of the key's line, its certificate and the other keys used.`,
    });
  }
  return a ?? b;
}

function mergeEnvironments(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const merged = new Map(a);
  for (const [name, value] of b) merged.set(name, oneOf(`environment variable ${name}`, a.get(name), value) ?? value);
  return merged;
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

function requireSourceAddress(list: string): void {
  try {
    matchCidrList(list, undefined);
  } catch (cause) {
    throw badCertificate(`the source-address list "${list.slice(0, 100)}" is malformed`, cause);
  }
}

function badCertificate(detail: string, cause?: unknown): SshError {
  return new SshError(`certificate refused: ${detail}`, {
    code: 'bad-certificate',
    stage: 'auth',
    side: 'peer',
    ...(cause === undefined ? {} : { cause }),
  });
}
