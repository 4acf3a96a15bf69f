/** The method "hostbased" (RFC 4252 §9): a machine vouches, with its host key, for who its user is. */
import { decodePublicKey, findPublicKeyAlgorithm, type PublicKeyAlgorithm } from '../../keys/index.ts';
import type { PublicKey, Signer } from '../../keys/types.ts';
import { minRsaBits } from '../../limits.ts';
import type { AuthLink } from '../../transport/link.ts';
import { type WireReader, WireWriter } from '../../wire/index.ts';
import type { ClientSession } from '../client-session.ts';
import { authNumbers, connectionService, looseText } from '../messages.ts';
import { defaultSignatureAlgorithms } from '../signature-algorithms.ts';
import type { AuthMethod } from './types.ts';

const name = 'hostbased';

export const hostbasedMethod: AuthMethod = {
  name,
  aliases: [],

  async client(session) {
    const { user, hostBased } = session.options;
    if (hostBased === undefined) return { kind: 'exhausted' };
    let trials = openTrials.get(session);
    if (trials === undefined) {
      trials = await session.wait(planTrials(session));
      openTrials.set(session, trials);
    }
    const trial = trials.pop();
    if (trial !== undefined) {
      const { signer, algorithm, clientHost, clientUser } = trial;
      const fields = { algorithm: algorithm.name, blob: signer.publicKey.blob, clientHost, clientUser };
      session.log('debug', `userauth_hostbased: trying hostkey ${signer.label} using sigalg ${algorithm.name}`);
      const data = signedData(session.link, { ...fields, user, service: connectionService });
      const signature = await sign(session, signer, data, algorithm);
      // A helper that refuses one key refuses them all.
      if (signature === undefined) return { kind: 'exhausted' };
      session.proved = true;
      session.request(name, encodeRest({ ...fields, signature }));
      return session.verdict();
    }
    session.log('info', 'No more client hostkeys for hostbased authentication.');
    return { kind: 'exhausted' };
  },

  async server(request, session) {
    const { algorithm, blob, clientHost, clientUser, signature } = session.decode(request.rest, decodeRest);
    const { options, link } = session;
    const { hostBased: decide, signatureAlgorithms = defaultSignatureAlgorithms } = options;
    const allowed = options.hostBasedAlgorithms ?? signatureAlgorithms;
    if (decide === undefined) return { kind: 'refused', reason: 'hosts are not asked to vouch for users' };
    // The name first: no code for a key type runs that the allow-list does not name.
    const row = allowed.includes(algorithm) ? findPublicKeyAlgorithm(algorithm) : undefined;
    if (row === undefined) return { kind: 'refused', reason: `algorithm ${algorithm} is not allowed` };
    const key = decodeKey(blob, row.keyType);
    if (key === undefined) return { kind: 'refused', reason: `the key is no valid key for ${algorithm}` };
    if (key.plain.type === 'ssh-rsa' && key.bits < (options.requiredRsaBits ?? minRsaBits)) {
      return { kind: 'refused', reason: `an RSA key of ${key.bits} bits`, key };
    }
    if (key.certificate !== undefined && key.certificate.kind !== 'host') {
      return { kind: 'refused', reason: 'a user certificate', key };
    }
    const { user, service } = request;
    const asked = { user, key, algorithm, clientHost: looseText(clientHost), clientUser: looseText(clientUser) };
    const grant = await session.ask(() => decide(asked));
    // Verified whatever the handler said, so that unknown hosts cost the same time.
    const data = signedData(link, { algorithm, blob, clientHost, clientUser, user, service });
    if (!key.verify(data, signature, row.signatureAlgorithm)) {
      return { kind: 'refused', reason: 'the signature is wrong', key };
    }
    if (grant === undefined) return { kind: 'refused', reason: 'this host does not vouch for this user', key };
    return { kind: 'granted', grant, key };
  },

  hasHandler: (options) => options.hostBased !== undefined,
};

interface Trial {
  readonly signer: Signer;
  readonly algorithm: PublicKeyAlgorithm;
  readonly clientHost: string;
  readonly clientUser: string;
}

/** What is left to try in a login, last one first. */
const openTrials = new WeakMap<ClientSession, Trial[]>();

/** Each host key once, under the first of the algorithms that fits it. */
async function planTrials({ options }: ClientSession): Promise<Trial[]> {
  const identity = await options.hostBased?.();
  if (identity === undefined) return [];
  const { signers, clientHost, clientUser } = identity;
  const { hostBasedAlgorithms: allowed = defaultSignatureAlgorithms } = options;
  const taken = new Set<Signer>();
  const trials: Trial[] = [];
  for (const algorithm of allowed.flatMap((each) => findPublicKeyAlgorithm(each) ?? [])) {
    for (const signer of signers) {
      if (signer.publicKey.type !== algorithm.keyType || taken.has(signer)) continue;
      taken.add(signer);
      trials.push({ signer, algorithm, clientHost, clientUser });
    }
  }
  return trials.reverse();
}

interface HostRequest {
  readonly algorithm: string;
  readonly blob: Buffer;
  readonly clientHost: string | Buffer;
  readonly clientUser: string | Buffer;
}

/** The method's fields after its name (RFC 4252 §9). */
function encodeRest({ signature, ...fields }: HostRequest & { readonly signature: Buffer }): Buffer {
  return writeFields(new WireWriter(512), fields).string(signature).finish();
}

function decodeRest(reader: WireReader): HostRequest & Record<'clientHost' | 'clientUser' | 'signature', Buffer> {
  return {
    algorithm: reader.ascii('public key algorithm'),
    blob: reader.string('host key'),
    clientHost: reader.string('client host name'),
    clientUser: reader.string('client user name'),
    signature: reader.string('signature'),
  };
}

/** What the signature covers: the session, and the request itself as far as the signature. */
function signedData(
  link: AuthLink,
  request: HostRequest & { readonly user: string; readonly service: string },
): Buffer {
  const writer = new WireWriter(512)
    .string(link.sessionId)
    .uint8(authNumbers.request)
    .string(request.user)
    .string(request.service)
    .string(name);
  return writeFields(writer, request).finish();
}

function writeFields(writer: WireWriter, { algorithm, blob, clientHost, clientUser }: HostRequest): WireWriter {
  return writer.string(algorithm).string(blob).string(clientHost).string(clientUser);
}

async function sign(
  session: ClientSession,
  signer: Signer,
  data: Buffer,
  algorithm: PublicKeyAlgorithm,
): Promise<Buffer | undefined> {
  const { signal } = session.options;
  try {
    const { signatureAlgorithm } = algorithm;
    return await session.wait(signer.sign(data, signatureAlgorithm, signal === undefined ? {} : { signal }));
  } catch (error) {
    session.throwIfAborted();
    session.record.noteGivenUp(name);
    const reason = error instanceof Error ? error.message : String(error);
    session.log('info', `sign using hostkey ${signer.label} failed: ${reason}`);
    return undefined;
  }
}

function decodeKey(blob: Buffer, type: string): PublicKey | undefined {
  try {
    return decodePublicKey(blob, { allowedTypes: [type] });
  } catch {
    return undefined;
  }
}
