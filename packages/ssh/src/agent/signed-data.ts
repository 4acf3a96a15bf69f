/** What an agent is asked to sign: a login over SSH, a signature of a file, or something it cannot know. */
import { decodePublicKey, findPublicKeyAlgorithm } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { WireReader } from '../wire/index.ts';

/** The signed part of a public key login (RFC 4252 §7, PROTOCOL publickey-hostbound-v00@openssh.com). */
export interface LoginRequest {
  readonly sessionId: Buffer;
  readonly user: string;
  /** The host key that the login is bound to; only the hostbound method tells. */
  readonly hostKey: PublicKey | undefined;
}

const userauthRequest = 50;

/** Reads data to sign as a login with this very key; undefined where it is anything else. */
export function readLoginRequest(data: Uint8Array, key: PublicKey): LoginRequest | undefined {
  try {
    const reader = new WireReader(data, 'the login request');
    const sessionId = reader.string('session id');
    const isRequest = reader.uint8('message number') === userauthRequest;
    const user = reader.text('user');
    const service = reader.ascii('service');
    const method = reader.ascii('method');
    // As a byte and not as a boolean: there is one form of such a request.
    const hasSignature = reader.uint8('has signature') === 1;
    const algorithm = findPublicKeyAlgorithm(reader.ascii('algorithm'));
    const isForKey = reader.string('key').equals(key.blob) && algorithm?.keyType === key.type;
    const isHostBound = method === 'publickey-hostbound-v00@openssh.com';
    const hostKey = isHostBound ? decodePublicKey(reader.string('host key')) : undefined;
    reader.finish();
    const isLogin = isRequest && hasSignature && isForKey && service === 'ssh-connection' && sessionId.length > 0;
    if (!isLogin || (!isHostBound && method !== 'publickey') || user.includes('\0')) return undefined;
    return { sessionId, user, hostKey };
  } catch {
    return undefined;
  }
}

/** Whether data to sign is a signature of a file (PROTOCOL.sshsig): its six letters, then four fields and nothing more. */
export function isSshsigData(data: Uint8Array): boolean {
  try {
    const reader = new WireReader(data, 'the signed data');
    const magic = reader.fixed(6, 'magic').toString('latin1');
    for (const field of ['namespace', 'reserved', 'hash algorithm', 'hash']) reader.string(field);
    reader.finish();
    return magic === 'SSHSIG';
  } catch {
    return false;
  }
}
