/** Which algorithms are offered, in which order, and how the two lists are settled (RFC 4253 §7.1). */
import { agreements } from '../crypto/agreement/table.ts';
import { ciphers } from '../crypto/ciphers/table.ts';
import { macs } from '../crypto/macs/table.ts';
import { disconnectReasons, SshError } from '../errors.ts';
import type { MessageOf } from '../wire/index.ts';
import { hostKeyAlgorithms } from './host-key-algorithms.ts';
import type { kexInit } from './messages.ts';
import type { Role } from './phase.ts';

/** Lists of algorithm names, preferred first. */
export interface AlgorithmLists {
  readonly kex: readonly string[];
  readonly hostKey: readonly string[];
  readonly cipher: readonly string[];
  readonly mac: readonly string[];
  readonly compression: readonly string[];
}

export interface AlgorithmOptions extends Partial<AlgorithmLists> {
  /** Also offers what is kept for old equipment only: CBC, SHA-1 key exchange and signatures. Named lists win over it. */
  legacy?: boolean;
}

/** The group exchange is a conversation of its own rather than a row of the agreement table; it stands before the fixed groups. */
export const groupExchangeName = 'diffie-hellman-group-exchange-sha256';

/** Every key exchange name that is known here, in order of preference. */
export const kexNames: readonly string[] = insertGroupExchange(agreements.map((row) => row.name));

/** The lists of a role with nothing configured, or with `legacy` alone. */
export function defaultAlgorithms(role: Role, legacy = false): AlgorithmLists {
  const offered = (row: { legacy?: true; onRequest?: true; clientOnly?: true }) =>
    row.onRequest === undefined &&
    (legacy || row.legacy === undefined) &&
    (role === 'client' || legacy || row.clientOnly === undefined);
  const kex = agreements.filter(
    (row) => offered(row) && (role === 'client' || legacy || row.finiteField === undefined),
  );
  const names = kex.map((row) => row.name);
  return {
    // A server leaves finite-field groups out: they cost it most and the peer nothing (CVE-2002-20001).
    kex: role === 'client' || legacy ? insertGroupExchange(names) : names,
    hostKey: hostKeyAlgorithms.filter((row) => legacy || !row.legacy).map((row) => row.name),
    cipher: ciphers.filter(offered).map((row) => row.name),
    // A server leaves encrypt-and-MAC out: there a forged packet is decrypted before it is found out, and every client of
    // the last ten years has an AEAD cipher or encrypt-then-MAC. A client meets older servers and keeps it, at the end.
    mac: macs.filter((row) => offered(row) && (role === 'client' || legacy || row.etm)).map((row) => row.name),
    compression: ['none'],
  };
}

/** The lists to offer; a name that is not known here is an error of whoever configured it. */
export function resolveAlgorithms(role: Role, options: AlgorithmOptions = {}): AlgorithmLists {
  const defaults = defaultAlgorithms(role, options.legacy);
  const known = {
    kex: kexNames,
    hostKey: hostKeyAlgorithms.map((row) => row.name),
    cipher: ciphers.map((row) => row.name),
    mac: macs.map((row) => row.name),
    compression: ['none', 'zlib@openssh.com'],
  };
  const resolve = (kind: keyof AlgorithmLists): readonly string[] => {
    const names = options[kind];
    if (names === undefined) return defaults[kind];
    const unknown = names.find((name) => !known[kind].includes(name));
    if (unknown !== undefined || names.length === 0) {
      throw new SshError(
        names.length === 0
          ? `the list of ${kind} algorithms is empty`
          : `"${unknown}" is no ${kind} algorithm known here`,
        {
          code: 'misuse',
          stage: 'kex',
          remedy: `Known are: ${known[kind].join(', ')}.`,
        },
      );
    }
    return names;
  };
  return {
    kex: resolve('kex'),
    hostKey: resolve('hostKey'),
    cipher: resolve('cipher'),
    mac: resolve('mac'),
    compression: resolve('compression'),
  };
}

/** What one direction uses. */
export interface DirectionAlgorithms {
  readonly cipher: string;
  /** Undefined where the cipher authenticates by itself. */
  readonly mac: string | undefined;
  readonly compression: string;
}

/** What both sides settled on. */
export interface NegotiatedAlgorithms {
  readonly kex: string;
  readonly hostKey: string;
  readonly clientToServer: DirectionAlgorithms;
  readonly serverToClient: DirectionAlgorithms;
}

/** The facts of a negotiation in the words that people and scripts look for in OpenSSH's logs. */
export function logNegotiated(negotiated: NegotiatedAlgorithms, role: Role, log: (text: string) => void): void {
  const describe = ({ cipher, mac, compression }: DirectionAlgorithms) =>
    `cipher: ${cipher} MAC: ${mac ?? '<implicit>'} compression: ${compression}`;
  log(`kex: algorithm: ${negotiated.kex}`);
  log(`kex: host key algorithm: ${negotiated.hostKey}`);
  const lines = [
    `kex: server->client ${describe(negotiated.serverToClient)}`,
    `kex: client->server ${describe(negotiated.clientToServer)}`,
  ];
  for (const line of role === 'client' ? lines : lines.reverse()) log(line);
}

export type KexInit = MessageOf<typeof kexInit>;

/**
 * Settles the algorithms: of each list the client's first name that the server also has.
 *
 * @throws SshError `no-common-algorithm`, naming the list and what either side offers.
 */
export function negotiate(client: KexInit, server: KexInit, role: Role): NegotiatedAlgorithms {
  const choose = (kind: string, clients: readonly string[], servers: readonly string[]): string => {
    const name = clients.find((candidate) => servers.includes(candidate) && !isPseudoAlgorithm(candidate));
    if (name !== undefined) return name;
    const [theirs, ours] = role === 'client' ? [servers, clients] : [clients, servers];
    throw noCommon(kind, theirs, ours);
  };
  const direction = (from: 'ClientToServer' | 'ServerToClient', text: string): DirectionAlgorithms => {
    const cipher = choose(`${text} cipher`, client[`cipher${from}`], server[`cipher${from}`]);
    const aead = ciphers.find((row) => row.name === cipher)?.aead ?? false;
    return {
      cipher,
      // The MAC lists mean nothing beside an AEAD cipher, and need not even share a name then.
      mac: aead ? undefined : choose(`${text} MAC`, client[`mac${from}`], server[`mac${from}`]),
      compression: choose(`${text} compression`, client[`compression${from}`], server[`compression${from}`]),
    };
  };
  return {
    kex: choose('key exchange method', client.kex, server.kex),
    hostKey: choose('host key type', client.hostKey, server.hostKey),
    clientToServer: direction('ClientToServer', 'client to server'),
    serverToClient: direction('ServerToClient', 'server to client'),
  };
}

/** RFC 4253 §7: a guess is right only if both first names were the same on both sides. */
export function isGuessRight(client: KexInit, server: KexInit): boolean {
  return client.kex[0] === server.kex[0] && client.hostKey[0] === server.hostKey[0];
}

/** Names that stand in the key exchange list only to announce something. */
export const pseudoAlgorithms = {
  strictClient: 'kex-strict-c-v00@openssh.com',
  strictServer: 'kex-strict-s-v00@openssh.com',
  extInfoClient: 'ext-info-c',
  extInfoServer: 'ext-info-s',
} as const;

function isPseudoAlgorithm(name: string): boolean {
  return name.startsWith('kex-strict-') || name.startsWith('ext-info-');
}

function insertGroupExchange(names: readonly string[]): string[] {
  const at = names.findIndex((name) => name.startsWith('diffie-hellman-group'));
  return at === -1 ? [...names, groupExchangeName] : [...names.slice(0, at), groupExchangeName, ...names.slice(at)];
}

function noCommon(kind: string, theirs: readonly string[], ours: readonly string[]): SshError {
  return new SshError(`no matching ${kind} found. Their offer: ${theirs.join(',')}`, {
    code: 'no-common-algorithm',
    stage: 'kex',
    side: 'peer',
    remedy: `This end offers: ${ours.join(',')}. Old equipment may need the legacy switch or a list that names its algorithms.`,
    disconnect: disconnectReasons.keyExchangeFailed,
  });
}
