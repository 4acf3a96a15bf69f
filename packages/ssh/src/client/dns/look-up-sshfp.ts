/** Asks name servers for the SSHFP records of a host (RFC 4255): over UDP, and over TCP where the answer is too long for that. */
import { readFile } from 'node:fs/promises';
import { connect, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { randomBytes } from '../../crypto/random.ts';
import { SshError, toSshError } from '../../errors.ts';
import type { SshfpRecord } from '../../keys/index.ts';
import { maxForgedDnsAnswers } from '../../limits.ts';
import { type DnsAnswer, type DnsQuery, decodeSshfpAnswer, encodeSshfpQuery, parseDnsName } from './message.ts';
import { parseResolvConf, type ResolverSettings } from './resolv-conf.ts';

export interface SshfpAnswer {
  readonly records: readonly SshfpRecord[];
  /** DNSSEC proved them, by the word of a resolver that this machine trusts with that (`options trust-ad` in resolv.conf). */
  readonly secure: boolean;
}

export interface SshfpLookUpOptions {
  /** Default: what /etc/resolv.conf and RES_OPTIONS say. */
  readonly resolver?: ResolverSettings;
  /** Default 53. */
  readonly port?: number;
  readonly signal?: AbortSignal;
}

/**
 * The SSHFP records of a name, as it stands: no search list is tried, since the name that a person means is not that of the
 * zone which answers.
 *
 * @throws SshError `dns-failed` where there is no such name, no answer, or none that can be understood. A resolver that finds an
 *   answer forged gives none.
 * @example
 * const { records, secure } = await lookUpSshfp('host.example.com');
 */
export async function lookUpSshfp(host: string, options: SshfpLookUpOptions = {}): Promise<SshfpAnswer> {
  const labels = parseDnsName(/^[\0-\x7f]*$/.test(host) ? host : domainToASCII(host));
  if (labels === undefined) throw failed('invalid parameter');
  const resolver = options.resolver ?? (await readResolvConf());
  const port = options.port ?? 53;
  let cause: unknown;
  for (let attempt = 0; attempt < resolver.attempts; attempt++) {
    for (const address of resolver.servers) {
      let answer: DnsAnswer;
      try {
        answer = await ask({ address, port }, labels, resolver, options.signal);
        if (answer.responseCode !== 0 && answer.responseCode !== nameError) {
          throw failedAt({ address, port }, `it failed with code ${answer.responseCode}`);
        }
      } catch (error) {
        if (options.signal?.aborted) throw toSshError(error, { code: 'aborted', stage: 'dns' });
        cause = error;
        continue;
      }
      if (answer.responseCode === nameError) throw failed('name does not exist');
      if (answer.records.length === 0) throw failed('data does not exist');
      return { records: answer.records, secure: answer.authentic && resolver.trustAd };
    }
  }
  throw failed('general failure', cause);
}

/** RFC 1035 §4.1.1: the name does not exist. */
const nameError = 3;

async function readResolvConf(): Promise<ResolverSettings> {
  let text = '';
  try {
    text = await readFile('/etc/resolv.conf', 'utf8');
  } catch {
    // Without it the server of this machine is asked, and trusted with nothing.
  }
  return parseResolvConf(text, process.env.RES_OPTIONS);
}

interface Server {
  readonly address: string;
  readonly port: number;
}

async function ask(
  server: Server,
  labels: readonly Buffer[],
  { timeoutMs, useTcp }: ResolverSettings,
  signal: AbortSignal | undefined,
): Promise<DnsAnswer> {
  // The system chooses the port, we the number: a forger has to guess both.
  const query = { id: randomBytes(2).readUInt16BE(0), labels };
  if (!useTcp) {
    const answer = await askOverUdp(server, query, timeoutMs, signal);
    if (!answer.truncated) return answer;
  }
  const answer = await askOverTcp(server, query, timeoutMs, signal);
  if (answer.truncated) throw failedAt(server, 'its answer over TCP is cut short');
  return answer;
}

async function askOverUdp(
  server: Server,
  query: DnsQuery,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<DnsAnswer> {
  // Few connections ask: the others need not load it.
  const { createSocket } = await import('node:dgram');
  return settle(server, timeoutMs, signal, (finish) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    let forged = 0;
    socket.on('error', finish);
    socket.on('message', (message) => {
      const answer = decode(message, query);
      if (answer !== undefined) finish(answer);
      else if (++forged > maxForgedDnsAnswers) finish(failedAt(server, 'its answers are to other questions'));
    });
    // A connected socket takes packets of this server and port only.
    socket.connect(server.port, server.address, (error?: Error) => {
      if (error) finish(error);
      else socket.send(encodeSshfpQuery(query));
    });
    return () => socket.close();
  });
}

function askOverTcp(
  server: Server,
  query: DnsQuery,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<DnsAnswer> {
  return settle(server, timeoutMs, signal, (finish) => {
    const socket = connect({ host: server.address, port: server.port });
    const bytes = encodeSshfpQuery(query);
    // RFC 1035 §4.2.2: the length comes first.
    const framed = Buffer.alloc(2 + bytes.length);
    framed.writeUInt16BE(bytes.length);
    bytes.copy(framed, 2);
    let received = Buffer.alloc(0);
    socket.on('error', finish);
    socket.on('connect', () => socket.write(framed));
    socket.on('end', () => finish(failedAt(server, 'it ended the connection')));
    socket.on('data', (chunk: Buffer) => {
      // No more than the length's 64 KiB, and one chunk.
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = decode(received.subarray(2, 2 + received.readUInt16BE(0)), query);
      finish(answer ?? failedAt(server, 'its answer is to another question'));
    });
    return () => socket.destroy();
  });
}

/** The answer, or why there is none; undefined for a message that is none. */
function decode(message: Buffer, query: DnsQuery): DnsAnswer | Error | undefined {
  try {
    return decodeSshfpAnswer(message, query);
  } catch (error) {
    return toSshError(error, { code: 'bad-message', stage: 'dns' });
  }
}

/** One outcome, whatever comes; then everything is closed. */
function settle(
  server: Server,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  start: (finish: (outcome: DnsAnswer | Error) => void) => () => void,
): Promise<DnsAnswer> {
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const finish = (outcome: DnsAnswer | Error) => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      close();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    const onAbort = () => finish(new SshError('the question was aborted', { code: 'aborted', stage: 'dns' }));
    const timer = setTimeout(() => finish(failedAt(server, `no answer within ${timeoutMs} ms`)), timeoutMs);
    const close = start(finish);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function failedAt({ address, port }: Server, reason: string): SshError {
  return new SshError(`name server ${address} port ${port}: ${reason}`, {
    code: 'dns-failed',
    stage: 'dns',
    side: 'peer',
  });
}

/** OpenSSH's words, which the C library's errors have there. */
function failed(reason: string, cause?: unknown): SshError {
  return new SshError(`DNS lookup error: ${reason}`, { code: 'dns-failed', stage: 'dns', cause });
}
