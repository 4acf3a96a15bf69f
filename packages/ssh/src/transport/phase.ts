/** Which message may arrive when: one table of (role, phase, message number), for all 256 numbers. */

/**
 * What a receiver is in the middle of. Transitions of one connection:
 *
 *   first-kexinit -> first-kex -> service -> auth -> connection <-> rekey
 *
 * `first-kexinit`: the peer's first KEXINIT is awaited. `first-kex`: from then to its NEWKEYS. `rekey`: from a later KEXINIT
 * of the peer to its NEWKEYS.
 */
export type Phase = 'first-kexinit' | 'first-kex' | 'service' | 'auth' | 'connection' | 'rekey';
export type Role = 'client' | 'server';

/**
 * What to do with a message: `accept` it, `ignore` it silently, answer `unimplemented` (RFC 4253 §11.4), or `refuse`, which
 * ends the connection.
 */
export type Verdict = 'accept' | 'ignore' | 'unimplemented' | 'refuse';

interface Row {
  /** First and last message number. */
  readonly numbers: readonly [number, number];
  readonly name: string;
  /** Phases in which it is accepted, by the receiver's role. */
  readonly client: readonly Phase[];
  readonly server: readonly Phase[];
}

const all: readonly Phase[] = ['first-kexinit', 'first-kex', 'service', 'auth', 'connection', 'rekey'];
const afterKeys: readonly Phase[] = ['service', 'auth', 'connection'];
const none: readonly Phase[] = [];

const rows: readonly Row[] = [
  { numbers: [1, 1], name: 'DISCONNECT', client: all, server: all },
  // Under strict key exchange these three are refused in the first exchange: see `verdictFor`.
  { numbers: [2, 2], name: 'IGNORE', client: all, server: all },
  { numbers: [3, 3], name: 'UNIMPLEMENTED', client: all, server: all },
  { numbers: [4, 4], name: 'DEBUG', client: all, server: all },
  // Paramiko asks for ssh-userauth again with every attempt to log in.
  { numbers: [5, 5], name: 'SERVICE_REQUEST', client: none, server: ['service', 'auth'] },
  { numbers: [6, 6], name: 'SERVICE_ACCEPT', client: ['service'], server: none },
  // RFC 8308 §2.4: right after the first NEWKEYS, or from a server just before USERAUTH_SUCCESS; the transport counts.
  { numbers: [7, 7], name: 'EXT_INFO', client: ['service', 'auth'], server: ['service'] },
  { numbers: [8, 8], name: 'NEWCOMPRESS', client: none, server: none },
  // Not before login has ended: a rekey then would only widen what an unknown peer can reach (OpenSSH ca313fef2).
  {
    numbers: [20, 20],
    name: 'KEXINIT',
    client: ['first-kexinit', 'connection'],
    server: ['first-kexinit', 'connection'],
  },
  { numbers: [21, 21], name: 'NEWKEYS', client: ['first-kex', 'rekey'], server: ['first-kex', 'rekey'] },
  { numbers: [30, 49], name: 'key exchange method', client: ['first-kex', 'rekey'], server: ['first-kex', 'rekey'] },
  { numbers: [50, 50], name: 'USERAUTH_REQUEST', client: none, server: ['auth'] },
  // A server that took SUCCESS from its client let anyone in (libssh CVE-2018-10933).
  { numbers: [51, 53], name: 'USERAUTH_FAILURE, _SUCCESS or _BANNER', client: ['auth'], server: none },
  { numbers: [60, 79], name: 'login method', client: ['auth'], server: ['auth'] },
  // Nothing of the connection protocol is looked at before login (Erlang CVE-2025-32433).
  { numbers: [80, 82], name: 'global request or answer', client: ['connection'], server: ['connection'] },
  { numbers: [90, 100], name: 'channel message', client: ['connection'], server: ['connection'] },
  { numbers: [192, 193], name: 'PING or PONG', client: ['connection'], server: ['connection'] },
];

/**
 * The verdict on an incoming message.
 *
 * @param strict - strict key exchange is in force (kex-strict-*-v00@openssh.com, the answer to Terrapin, CVE-2023-48795).
 */
export function verdictFor(role: Role, phase: Phase, number: number, strict: boolean): Verdict {
  const verdicts = memo[role][strict ? 'strict' : 'plain'];
  let ofPhase = verdicts.get(phase);
  if (ofPhase === undefined) {
    ofPhase = Array.from({ length: 256 }, () => undefined);
    verdicts.set(phase, ofPhase);
  }
  if (!(number in ofPhase)) return 'refuse';
  ofPhase[number] ??= decide(role, phase, number, strict);
  return ofPhase[number];
}

/** A message's name for logs and errors, by number. */
export function messageName(number: number): string {
  return rowOf(number)?.name ?? 'unassigned';
}

type Verdicts = Map<Phase, (Verdict | undefined)[]>;

/** Asked for every packet, so decided once; each when it is first asked for, since a short connection sees a dozen of them. */
const memo: Record<Role, { strict: Verdicts; plain: Verdicts }> = {
  client: { strict: new Map(), plain: new Map() },
  server: { strict: new Map(), plain: new Map() },
};

function decide(role: Role, phase: Phase, number: number, strict: boolean): Verdict {
  const row = rowOf(number);
  if (row === undefined) return afterKeys.includes(phase) ? 'unimplemented' : 'refuse';
  if (strict && phase === 'first-kex' && number >= 2 && number <= 4) return 'refuse';
  if (row[role].includes(phase)) return 'accept';
  // RFC 4252 §5.1: requests after a successful login are ignored without an answer.
  if (role === 'server' && number === 50 && phase === 'connection') return 'ignore';
  return 'refuse';
}

function rowOf(number: number): Row | undefined {
  return rows.find((row) => number >= row.numbers[0] && number <= row.numbers[1]);
}
