/** FIDO tokens in memory, and an agent that holds one. */
import type { Socket } from 'node:net';
import {
  createSecurityKeySigner,
  decodePublicKey,
  decodeSignature,
  generateKey,
  type Signer,
  securityKeyData,
} from '@nacre/ssh/keys';
import { WireReader, WireWriter } from '@nacre/ssh/wire';

/** A FIDO token in memory, which sets these flags. */
export async function createToken(flags: number): Promise<Signer> {
  const inner = await generateKey('ssh-ed25519');
  const raw = inner.publicKey.blob.subarray(-32);
  const type = 'sk-ssh-ed25519@openssh.com';
  const publicKey = decodePublicKey(new WireWriter().string(type).string(raw).string('ssh:').finish());
  const handle = { application: 'ssh:', flags: 1, keyHandle: Buffer.from('handle') };
  return createSecurityKeySigner(publicKey, handle, async ({ application, data }) => {
    const wire = await inner.sign(securityKeyData(application, flags, 1, data), 'ssh-ed25519');
    return { signature: decodeSignature(wire).body, flags, counter: 1 };
  });
}

/** An agent that holds the token's key and nothing else. */
export function serveToken(socket: Socket, token: Signer): void {
  let held: Buffer = Buffer.alloc(0);
  const answer = async (request: Buffer): Promise<Buffer> => {
    const reader = new WireReader(request);
    const number = reader.uint8();
    const { blob, type } = token.publicKey;
    if (number === 11) return new WireWriter().uint8(12).uint32(1).string(blob).string('token').finish();
    if (number !== 13 || !reader.string().equals(blob)) return Buffer.of(5);
    return new WireWriter()
      .uint8(14)
      .string(await token.sign(reader.string(), type))
      .finish();
  };
  let last = Promise.resolve(true);
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
      const request = held.subarray(4, 4 + held.readUInt32BE(0));
      held = held.subarray(4 + request.length);
      last = last.then(async () => socket.write(new WireWriter().string(await answer(request)).finish()));
    }
  });
}
