/** The client's side of a key exchange, after both KEXINITs: from its first value to a host key that has been proved and trusted. */

import { startGroup } from '../../crypto/agreement/group-exchange.ts';
import { findAgreement } from '../../crypto/agreement/table.ts';
import type { HashName } from '../../crypto/key-agreement.ts';
import { disconnectReasons, SshError, toSshError } from '../../errors.ts';
import { decodePublicKey } from '../../keys/public-key.ts';
import type { PublicKey } from '../../keys/types.ts';
import { maxDhGroupBits, minDhGroupBits } from '../../limits.ts';
import type { WireWriter } from '../../wire/index.ts';
import { groupExchangeName } from '../algorithms.ts';
import { findHostKeyAlgorithm } from '../host-key-algorithms.ts';
import { kexDhGexGroup, kexDhGexInit, kexDhGexReply, kexDhGexRequest, kexEcdhInit, kexEcdhReply } from '../messages.ts';
import { computeExchangeHash, type Exchange, type ExchangeResult, type HostKeyVerifier } from './exchange.ts';

export interface ClientExchangeOptions {
  verifyHostKey: HostKeyVerifier;
  /** Smallest RSA host key taken, in bits. */
  requiredRsaBits: number;
}

/** Runs the negotiated method. Throws where the server cannot prove its key or the verifier refuses it. */
export async function exchangeAsClient(exchange: Exchange, options: ClientExchangeOptions): Promise<ExchangeResult> {
  const values = exchange.negotiated.kex === groupExchangeName ? await groupExchange(exchange) : await agree(exchange);
  const hostKey = decodeHostKey(values.hostKeyBlob, exchange.negotiated.hostKey, options.requiredRsaBits);
  const exchangeHash = computeExchangeHash(
    exchange,
    values.hash,
    values.hostKeyBlob,
    values.methodFields,
    values.secret,
  );
  const algorithm = findHostKeyAlgorithm(exchange.negotiated.hostKey);
  if (algorithm === undefined || !hostKey.plain.verify(exchangeHash, values.signature, algorithm.signatureAlgorithm)) {
    throw new SshError(`the server's ${exchange.negotiated.hostKey} signature over the key exchange is wrong`, {
      code: 'bad-signature',
      stage: 'kex',
      side: 'peer',
      remedy: 'Somebody may be standing between you and the server. Do not log in.',
      disconnect: disconnectReasons.keyExchangeFailed,
    });
  }
  await askVerifier(options.verifyHostKey, hostKey, exchange.negotiated.hostKey);
  return { hash: values.hash, secret: values.secret, exchangeHash, hostKey, signature: Buffer.from(values.signature) };
}

/** Whatever the verifier throws is a refusal (OpenSSH CVE-2025-26465: an error on the way that accepted). */
async function askVerifier(verifyHostKey: HostKeyVerifier, hostKey: PublicKey, algorithm: string): Promise<void> {
  try {
    await verifyHostKey(hostKey, algorithm);
  } catch (error) {
    throw toSshError(error, {
      code: 'host-key-refused',
      stage: 'host-key',
      disconnect: disconnectReasons.hostKeyNotVerifiable,
    });
  }
}

interface ExchangedValues {
  hash: HashName;
  secret: Buffer;
  hostKeyBlob: Buffer;
  signature: Buffer;
  methodFields: (writer: WireWriter) => void;
}

/** KEX_ECDH_INIT, KEX_ECDH_REPLY (RFC 5656 §4), which KEXDH and the hybrids share. */
async function agree(exchange: Exchange): Promise<ExchangedValues> {
  const agreement = findAgreement(exchange.negotiated.kex);
  if (agreement === undefined) throw new Error(`negotiated unknown key exchange ${exchange.negotiated.kex}`);
  const initiator = await (exchange.prepared?.(agreement.name) ?? agreement.start());
  exchange.send(kexEcdhInit.encode({ value: initiator.value }));
  const name = `SSH2_MSG_${agreement.finiteField === undefined ? 'KEX_ECDH' : 'KEXDH'}_REPLY`;
  exchange.log(`expecting ${name}`);
  const reply = kexEcdhReply.decode(await exchange.next());
  exchange.log(`${name} received`);
  return {
    hash: agreement.hash,
    secret: await initiator.finish(reply.value),
    hostKeyBlob: reply.hostKey,
    signature: reply.signature,
    methodFields: (writer) => void writer.string(initiator.value).string(reply.value),
  };
}

/** KEX_DH_GEX_REQUEST, _GROUP, _INIT, _REPLY (RFC 4419 §3). */
async function groupExchange(exchange: Exchange): Promise<ExchangedValues> {
  const request = { min: minDhGroupBits, preferred: preferredGroupBits(exchange), max: maxDhGroupBits };
  exchange.send(kexDhGexRequest.encode(request));
  exchange.log(`SSH2_MSG_KEX_DH_GEX_REQUEST(${request.min}<${request.preferred}<${request.max}) sent`);
  const group = kexDhGexGroup.decode(await exchange.next());
  exchange.log('SSH2_MSG_KEX_DH_GEX_GROUP received');
  const initiator = startGroup(group.p, group.g, { minBits: request.min, maxBits: request.max });
  exchange.send(kexDhGexInit.encode({ e: initiator.value }));
  exchange.log('SSH2_MSG_KEX_DH_GEX_INIT sent');
  const reply = kexDhGexReply.decode(await exchange.next());
  exchange.log('SSH2_MSG_KEX_DH_GEX_REPLY received');
  return {
    hash: 'sha256',
    secret: await initiator.finish(reply.f),
    hostKeyBlob: reply.hostKey,
    signature: reply.signature,
    methodFields: (writer) => {
      writer.uint32(request.min).uint32(request.preferred).uint32(request.max).mpint(group.p).mpint(group.g);
      writer.string(initiator.value).string(reply.f);
    },
  };
}

/** NIST SP 800-57 part 1, table 2: the group that is as strong as the ciphers it keys. */
function preferredGroupBits(exchange: Exchange): number {
  const { clientToServer, serverToClient } = exchange.negotiated;
  const strong = /256|chacha20/.test(`${clientToServer.cipher} ${serverToClient.cipher}`);
  return strong ? maxDhGroupBits : 3072;
}

function decodeHostKey(blob: Buffer, algorithmName: string, requiredRsaBits: number): PublicKey {
  const algorithm = findHostKeyAlgorithm(algorithmName);
  const hostKey = readHostKey(blob, algorithm === undefined ? [] : [algorithm.keyType]);
  if (hostKey.plain.type === 'ssh-rsa' && hostKey.bits < requiredRsaBits) {
    throw new SshError(`the server's RSA host key has ${hostKey.bits} bits, at least ${requiredRsaBits} are required`, {
      code: 'host-key-refused',
      stage: 'host-key',
      side: 'peer',
      remedy: 'Have the server make a larger key, or lower RequiredRSASize for this host.',
      disconnect: disconnectReasons.hostKeyNotVerifiable,
    });
  }
  return hostKey;
}

/** What is wrong with the blob is the server's doing, and ends the key exchange. */
function readHostKey(blob: Buffer, allowedTypes: readonly string[]): PublicKey {
  try {
    return decodePublicKey(blob, { allowedTypes });
  } catch (error) {
    const { code, message } = toSshError(error, { code: 'bad-key', stage: 'host-key' });
    throw new SshError(`the server's host key: ${message}`, {
      code,
      stage: 'host-key',
      side: 'peer',
      cause: error,
      disconnect: disconnectReasons.keyExchangeFailed,
    });
  }
}
