/** The method "publickey" (RFC 4252 §7) and its form bound to the host key (publickey-hostbound-v00@openssh.com). */
import { protocolError, SshError } from '../../errors.ts';
import { decodePublicKey, findPublicKeyAlgorithm, type PublicKeyAlgorithm } from '../../keys/index.ts';
import type { PublicKey, Signer } from '../../keys/types.ts';
import { minRsaBits } from '../../limits.ts';
import type { AuthLink } from '../../transport/link.ts';
import { type WireReader, WireWriter } from '../../wire/index.ts';
import type { ClientOutcome, ClientSession, SentOffer } from '../client-session.ts';
import { authNumbers, connectionService, userauthPkOk } from '../messages.ts';
import { algorithmsToTry, defaultSignatureAlgorithms } from '../signature-algorithms.ts';
import type { Offer } from '../signer-queue.ts';
import type { AuthMethod } from './types.ts';

const plainMethod = 'publickey';
const hostBoundMethod = 'publickey-hostbound-v00@openssh.com';

export const publickeyMethod: AuthMethod = {
  name: plainMethod,
  aliases: [hostBoundMethod],

  async client(session) {
    let sent = await session.takeAhead();
    while (true) {
      sent ??= await offerNext(session);
      if (sent === undefined) return { kind: 'exhausted' };
      const { signer, algorithm } = sent.offer;
      session.log('verbose', `Offering public key: ${signer.label} ${algorithm.name}`);
      if (!sent.isProof) {
        const refused = await queryVerdict(session, signer.publicKey);
        if (refused !== undefined) {
          session.record.noteKey(signer, 'refused');
          return refused;
        }
        tellAccepted(session, sent);
        // A passphrase that was not given, an agent that refused: the next key may still do.
        if (!(await prove(session, sent.method, sent.offer))) {
          sent = undefined;
          continue;
        }
      }
      session.proved = true;
      const verdict = await session.verdict();
      const isAccepted = verdict.kind === 'success' || (verdict.kind === 'failure' && verdict.partialSuccess);
      if (isAccepted && sent.isProof) tellAccepted(session, sent);
      session.record.noteKey(signer, isAccepted ? 'accepted' : sent.isProof ? 'refused' : 'signature-refused');
      return verdict;
    }
  },

  async server(request, session) {
    const hostBound = request.method === hostBoundMethod;
    const fields = session.decode(request.rest, (reader) => decodeRest(reader, hostBound));
    const { algorithm, blob, hostKey, signature } = fields;
    const { options, link } = session;
    const { publicKey: decide, signatureAlgorithms = defaultSignatureAlgorithms } = options;
    if (decide === undefined) return { kind: 'refused', reason: 'keys are not allowed' };

    // The name first: no code for a key type runs that the allow-list does not name (OpenSSH 52154c2d2).
    if (!signatureAlgorithms.includes(algorithm))
      return { kind: 'refused', reason: `algorithm ${algorithm} is not allowed` };
    const row = findPublicKeyAlgorithm(algorithm);
    if (row === undefined) return { kind: 'refused', reason: `algorithm ${algorithm} is unknown` };
    const key = decodeKey(blob, row.keyType);
    if (key === undefined) return { kind: 'refused', reason: `the key is no valid key for ${algorithm}` };
    const unfit = unfitness(key, options.requiredRsaBits ?? minRsaBits);
    if (unfit !== undefined) return { kind: 'refused', reason: unfit, key };
    if (hostKey !== undefined && !hostKey.equals(link.hostKey.blob)) {
      return { kind: 'refused', reason: 'the request is bound to another host key', key };
    }
    // Two steps need two keys; a certificate does not make another key of the one it certifies.
    if (session.provedKeys.some((proved) => proved.plain.equals(key.plain))) {
      return { kind: 'refused', reason: 'the key was used in an earlier step', key };
    }

    const grant = await session.ask(() => decide({ user: request.user, key, algorithm }));
    if (signature === undefined) {
      if (grant === undefined) return { kind: 'refused', reason: 'the key is not known for this user', key };
      session.send(userauthPkOk.encode({ algorithm, blob }));
      return { kind: 'answered', reason: 'the key would be accepted', key };
    }
    // Verified whatever the handler said, so that unknown users and keys cost the same time.
    const parts = { method: request.method, user: request.user, service: request.service, algorithm, blob, hostKey };
    const verifyOptions = grant === undefined ? undefined : options.signatureOptions?.(grant);
    const verified = key.verify(signedData(link, parts), signature, row.signatureAlgorithm, verifyOptions);
    if (!verified) return { kind: 'refused', reason: 'the signature is wrong', key };
    if (grant === undefined) return { kind: 'refused', reason: 'the key is not known for this user', key };
    return { kind: 'granted', grant, key };
  },

  hasHandler: (options) => options.publicKey !== undefined,
};

/** A round trip from here on is worth saving. A path within a country takes less. */
const longPathMs = 30;

/**
 * Servers that answer requests one after the other, whatever else has come meanwhile, and for which one that comes after the login is
 * none (RFC 4252 §5.1 asks for both). Of others some end the connection over a request behind a "none" that they had accepted.
 */
const inOrder = /^SSH-2\.0-(?:OpenSSH_|nacre_)/;

/** Whether a key may be offered before the server has said what it takes. */
export function mayOfferAhead({ link, options }: ClientSession): boolean {
  const { preferredMethods: [first] = [plainMethod], hostBased } = options;
  const isFirst = hostBased === undefined && (first === plainMethod || first === 'hostbased');
  return isFirst && isFar(link) && inOrder.test(link.peerIdentification);
}

/**
 * Offers the first key behind a request "none" whose answer has not come.
 *
 * @returns undefined where there is none to offer, or the server has not said which algorithms it takes.
 */
export async function offerAhead(session: ClientSession): Promise<SentOffer | undefined> {
  const offer = await nextOffer(session);
  if (offer === undefined) return undefined;
  if (session.isDone || !session.link.peerExtensions.has('server-sig-algs')) {
    session.signers.putBack(offer);
    return undefined;
  }
  return sendOffer(session, offer);
}

async function offerNext(session: ClientSession): Promise<SentOffer | undefined> {
  while (true) {
    const offer = await nextOffer(session);
    const sent = offer && (await sendOffer(session, offer));
    if (sent !== undefined || offer === undefined) return sent;
  }
}

/** Undefined where keys are not used with this server, or none is left. */
async function nextOffer(session: ClientSession): Promise<Offer | undefined> {
  return session.wait(session.signers.next((signer) => usableAlgorithms(session, signer)));
}

/** Asks whether the server would take the key, or proves it at once. @returns undefined where it did not sign, or may not be used. */
async function sendOffer(session: ClientSession, offer: Offer): Promise<SentOffer | undefined> {
  const method = clientMethod(session);
  if (method === undefined) return undefined;
  const isProof = offer.signer.signsUnasked === true && isFar(session.link);
  if (!isProof) session.request(method, encodeRest(fieldsOf(session, method, offer)));
  else if (!(await prove(session, method, offer))) return undefined;
  return { offer, method, isProof };
}

function tellAccepted(session: ClientSession, { offer: { signer, algorithm } }: SentOffer): void {
  session.log('verbose', `Server accepts key: ${signer.label} ${algorithm.name}`);
  session.signers.settle();
}

/** Signs, and sends the signature. @returns false where the key did not sign. */
async function prove(session: ClientSession, method: string, offer: Offer): Promise<boolean> {
  const fields = fieldsOf(session, method, offer);
  const parts = { ...fields, method, user: session.options.user, service: connectionService };
  const signature = await sign(session, offer, signedData(session.link, parts));
  // The server may have let us in meanwhile: nothing may follow then.
  if (signature === undefined || session.isDone) return false;
  session.request(method, encodeRest({ ...fields, signature }));
  return true;
}

function fieldsOf({ link }: ClientSession, method: string, { signer, algorithm }: Offer): KeyRequest {
  const hostKey = method === hostBoundMethod ? link.hostKey.blob : undefined;
  return { algorithm: algorithm.name, blob: signer.publicKey.blob, hostKey };
}

function isFar({ roundTripMs = 0 }: AuthLink): boolean {
  return roundTripMs >= longPathMs;
}

/** The method's fields after its name (RFC 4252 §7; PROTOCOL §3.1 puts the host key before the signature). */
interface KeyRequest {
  readonly algorithm: string;
  readonly blob: Buffer;
  readonly hostKey: Buffer | undefined;
  readonly signature?: Buffer | undefined;
}

function encodeRest({ algorithm, blob, hostKey, signature }: KeyRequest): Buffer {
  const writer = new WireWriter()
    .boolean(signature !== undefined)
    .string(algorithm)
    .string(blob);
  if (hostKey !== undefined) writer.string(hostKey);
  if (signature !== undefined) writer.string(signature);
  return writer.finish();
}

function decodeRest(reader: WireReader, hostBound: boolean): KeyRequest {
  const hasSignature = reader.boolean('has signature');
  const algorithm = reader.ascii('public key algorithm');
  const blob = reader.string('public key');
  const hostKey = hostBound ? reader.string('host key') : undefined;
  const signature = hasSignature ? reader.string('signature') : undefined;
  return { algorithm, blob, hostKey, signature };
}

/**
 * What the signature covers (RFC 4252 §7): the session, and the request itself as far as the signature. Every part comes from
 * the request that carries the signature, nothing from an earlier query.
 */
function signedData(
  link: AuthLink,
  parts: KeyRequest & { readonly method: string; readonly user: string; readonly service: string },
): Buffer {
  const writer = new WireWriter(512)
    .string(link.sessionId)
    .uint8(authNumbers.request)
    .string(parts.user)
    .string(parts.service)
    .string(parts.method)
    .boolean(true)
    .string(parts.algorithm)
    .string(parts.blob);
  if (parts.hostKey !== undefined) writer.string(parts.hostKey);
  return writer.finish();
}

/** Which of the two methods to use with this server, if any (PROTOCOL §3.1: announced with the value "0"). */
function clientMethod(session: ClientSession): string | undefined {
  const { hostBound = 'auto' } = session.options;
  const announced = session.link.peerExtensions.get('publickey-hostbound@openssh.com')?.toString('latin1') === '0';
  if (hostBound === 'never') return plainMethod;
  if (announced) return hostBoundMethod;
  if (hostBound === 'auto') return plainMethod;
  session.log('info', 'the server does not offer signatures bound to its host key, keys are not used');
  return undefined;
}

function usableAlgorithms(session: ClientSession, signer: Signer): PublicKeyAlgorithm[] {
  const allowed = session.options.signatureAlgorithms ?? defaultSignatureAlgorithms;
  const announced = session.link.peerExtensions.get('server-sig-algs')?.toString('latin1').split(',');
  const algorithms = algorithmsToTry(signer.publicKey, allowed, announced);
  if (algorithms.length === 0) session.log('verbose', `Skipping ${signer.label}: no mutual signature algorithm`);
  return algorithms;
}

/** The server's word on a key: undefined if it would take it, the refusal otherwise. */
async function queryVerdict(session: ClientSession, key: PublicKey): Promise<ClientOutcome | undefined> {
  // RFC 4252 §7: a query is answered by PK_OK or FAILURE; success without a signature is not among the answers.
  const reply = await session.reply([authNumbers.failure, authNumbers.method60]);
  if (reply[0] === authNumbers.failure) return session.readVerdict(reply);
  // The algorithm it repeats is not looked at: some servers say "ssh-rsa" for rsa-sha2-*, and we sign with what we asked for.
  const { blob } = userauthPkOk.decode(reply);
  if (!blob.equals(key.blob)) throw protocolError('auth', 'the server accepted a key that was not offered');
  return undefined;
}

async function sign(session: ClientSession, { signer, algorithm }: Offer, data: Buffer): Promise<Buffer | undefined> {
  const { signal } = session.options;
  try {
    return await session.wait(signer.sign(data, algorithm.signatureAlgorithm, signal === undefined ? {} : { signal }));
  } catch (error) {
    session.throwIfAborted();
    session.record.noteKey(signer, 'not-signed', error);
    session.record.noteGivenUp(plainMethod);
    session.log(
      'info',
      `sign_and_send_pubkey: ${signer.label}: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
}

function decodeKey(blob: Buffer, type: string): PublicKey | undefined {
  try {
    return decodePublicKey(blob, { allowedTypes: [type] });
  } catch (error) {
    if (error instanceof SshError) return undefined;
    throw error;
  }
}

/** Why a key may not log in whoever it belongs to. */
function unfitness(key: PublicKey, requiredRsaBits: number): string | undefined {
  if (key.plain.type === 'ssh-rsa' && key.bits < requiredRsaBits) {
    return `an RSA key of ${key.bits} bits, at least ${requiredRsaBits} are required`;
  }
  if (key.certificate !== undefined && key.certificate.kind !== 'user') return 'a host certificate';
  return undefined;
}
