/** The server's side of a key exchange, after both KEXINITs: answers the client's value and proves its host key. */

import { respondGroup } from '../../crypto/agreement/group-exchange.ts';
import { chooseGroup, type ModuliEntry } from '../../crypto/agreement/moduli.ts';
import { findAgreement } from '../../crypto/agreement/table.ts';
import { disconnectReasons, SshError } from '../../errors.ts';
import type { PublicKey } from '../../keys/types.ts';
import type { WireWriter } from '../../wire/index.ts';
import { groupExchangeName } from '../algorithms.ts';
import { findHostKeyAlgorithm, hostKeyAlgorithms } from '../host-key-algorithms.ts';
import { kexDhGexGroup, kexDhGexInit, kexDhGexReply, kexDhGexRequest, kexEcdhInit, kexEcdhReply } from '../messages.ts';
import { computeExchangeHash, type Exchange, type ExchangeResult, type HostKey } from './exchange.ts';

export interface ServerExchangeOptions {
  hostKeys: readonly HostKey[];
  /** Groups of a moduli(5) file for the group exchange; without them the fixed groups serve. */
  moduli?: readonly ModuliEntry[];
}

/** Runs the negotiated method. */
export async function exchangeAsServer(exchange: Exchange, options: ServerExchangeOptions): Promise<ExchangeResult> {
  const { key, sign } = chooseHostKey(options.hostKeys, exchange.negotiated.hostKey);
  return exchange.negotiated.kex === groupExchangeName
    ? groupExchange(exchange, key, sign, options.moduli ?? [])
    : agree(exchange, key, sign);
}

/** The host key algorithms that these keys can serve, in the order of the given list. */
export function servableHostKeyAlgorithms(hostKeys: readonly HostKey[], names: readonly string[]): string[] {
  const types = new Set(hostKeys.flatMap((hostKey) => keysOf(hostKey).map((key) => key.type)));
  return names.filter((name) => hostKeyAlgorithms.some((row) => row.name === name && types.has(row.keyType)));
}

type Sign = (data: Uint8Array) => Promise<Buffer>;

async function agree(exchange: Exchange, hostKey: PublicKey, sign: Sign): Promise<ExchangeResult> {
  const agreement = findAgreement(exchange.negotiated.kex);
  if (agreement === undefined) throw new Error(`negotiated unknown key exchange ${exchange.negotiated.kex}`);
  const init = kexEcdhInit.decode(await exchange.next());
  const { value, secret } = await agreement.respond(init.value);
  const methodFields = (writer: WireWriter) => void writer.string(init.value).string(value);
  const exchangeHash = computeExchangeHash(exchange, agreement.hash, hostKey.blob, methodFields, secret);
  const signature = await sign(exchangeHash);
  exchange.send(kexEcdhReply.encode({ hostKey: hostKey.blob, value, signature }));
  return { hash: agreement.hash, secret, exchangeHash, hostKey, signature };
}

async function groupExchange(
  exchange: Exchange,
  hostKey: PublicKey,
  sign: Sign,
  moduli: readonly ModuliEntry[],
): Promise<ExchangeResult> {
  const request = kexDhGexRequest.decode(await exchange.next());
  const group = chooseGroup(moduli, request.min, request.preferred, request.max);
  const { prime: p, generator: g } = group;
  exchange.send(kexDhGexGroup.encode({ p, g }));
  const init = kexDhGexInit.decode(await exchange.next());
  const { value, secret } = respondGroup(p, g, init.e);
  const methodFields = (writer: WireWriter) => {
    writer.uint32(request.min).uint32(request.preferred).uint32(request.max).mpint(p).mpint(g);
    writer.string(init.e).string(value);
  };
  const exchangeHash = computeExchangeHash(exchange, 'sha256', hostKey.blob, methodFields, secret);
  const signature = await sign(exchangeHash);
  exchange.send(kexDhGexReply.encode({ hostKey: hostKey.blob, f: value, signature }));
  return { hash: 'sha256', secret, exchangeHash, hostKey, signature };
}

function chooseHostKey(hostKeys: readonly HostKey[], algorithmName: string): { key: PublicKey; sign: Sign } {
  const algorithm = findHostKeyAlgorithm(algorithmName);
  for (const hostKey of hostKeys) {
    const key = keysOf(hostKey).find((candidate) => candidate.type === algorithm?.keyType);
    if (key === undefined || algorithm === undefined) continue;
    return { key, sign: (data) => hostKey.signer.sign(data, algorithm.signatureAlgorithm) };
  }
  throw new SshError(`no host key serves the negotiated algorithm ${algorithmName}`, {
    code: 'no-common-algorithm',
    stage: 'kex',
    disconnect: disconnectReasons.keyExchangeFailed,
  });
}

function keysOf(hostKey: HostKey): PublicKey[] {
  return [hostKey.signer.publicKey, ...(hostKey.certificates ?? [])];
}
