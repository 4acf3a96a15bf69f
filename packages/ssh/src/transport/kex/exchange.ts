/** What every key exchange conversation is given and gives, and the exchange hash they share (RFC 4253 §7.2, §8). */
import { deriveKey, hash, type KeyLetter } from '../../crypto/hash.ts';
import type { AgreementInitiator, HashName } from '../../crypto/key-agreement.ts';
import type { DirectionKeys } from '../../crypto/packet-protection.ts';
import type { PublicKey, Signer } from '../../keys/types.ts';
import { WireWriter } from '../../wire/index.ts';
import type { NegotiatedAlgorithms } from '../algorithms.ts';

/** One key exchange under way, as both roles see it. */
export interface Exchange {
  readonly negotiated: NegotiatedAlgorithms;
  readonly clientIdentification: string;
  readonly serverIdentification: string;
  /** The two KEXINIT payloads, whole. */
  readonly clientInit: Buffer;
  readonly serverInit: Buffer;
  send(payload: Uint8Array): void;
  /** The next key exchange message. */
  next(): Promise<Buffer>;
  log(text: string): void;
  /** The client's first value, where it was made ahead for this method. */
  prepared?(method: string): Promise<AgreementInitiator> | undefined;
}

/** What a conversation ends with. */
export interface ExchangeResult {
  readonly hash: HashName;
  /** The shared secret K, as the body of its wire string. */
  readonly secret: Buffer;
  readonly exchangeHash: Buffer;
  readonly hostKey: PublicKey;
  /** The host key's signature over the exchange hash. */
  readonly signature: Buffer;
}

/** The client's part in trust: accepts by resolving, refuses by throwing. */
export type HostKeyVerifier = (key: PublicKey, algorithm: string) => Promise<void>;

/** A host key of the server: a private key, or one that an agent holds; with a certificate it is offered under both names. */
export interface HostKey {
  readonly signer: Signer;
  /** Host certificates for this key. */
  readonly certificates?: readonly PublicKey[];
}

/** H = hash(V_C, V_S, I_C, I_S, K_S, then the method's own values, K), each as a string. */
export function computeExchangeHash(
  exchange: Exchange,
  hashName: HashName,
  hostKeyBlob: Uint8Array,
  methodFields: (writer: WireWriter) => void,
  secret: Uint8Array,
): Buffer {
  const writer = new WireWriter(4096);
  // Byte for byte: some peers put more than ASCII into their lines.
  writer.string(Buffer.from(exchange.clientIdentification, 'latin1'));
  writer.string(Buffer.from(exchange.serverIdentification, 'latin1'));
  writer.string(exchange.clientInit).string(exchange.serverInit).string(hostKeyBlob);
  methodFields(writer);
  writer.string(secret);
  return hash(hashName, writer.finish());
}

/** The lengths that one direction's algorithms ask for. */
export interface KeyLengths {
  ivBytes: number;
  keyBytes: number;
  macKeyBytes: number;
}

/** Derives the keys of one direction (RFC 4253 §7.2: letters A, C, E from client to server, B, D, F back). */
export function deriveDirectionKeys(
  result: ExchangeResult,
  sessionId: Buffer,
  direction: 'clientToServer' | 'serverToClient',
  lengths: KeyLengths,
): DirectionKeys {
  const secret = new WireWriter(result.secret.length + 4).string(result.secret).finish();
  const derive = (letter: KeyLetter, byteCount: number) =>
    byteCount === 0
      ? Buffer.alloc(0)
      : deriveKey(result.hash, secret, result.exchangeHash, letter, sessionId, byteCount);
  const [iv, key, macKey]: readonly [KeyLetter, KeyLetter, KeyLetter] =
    direction === 'clientToServer' ? ['A', 'C', 'E'] : ['B', 'D', 'F'];
  return {
    iv: derive(iv, lengths.ivBytes),
    key: derive(key, lengths.keyBytes),
    macKey: derive(macKey, lengths.macKeyBytes),
  };
}
