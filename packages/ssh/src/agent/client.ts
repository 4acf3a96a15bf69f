/** The client of an agent: asks for keys and signatures over a byte stream, one request at a time. */
import { SshError, toSshError } from '../errors.ts';
import { decodePublicKey, writePrivateKey } from '../keys/index.ts';
import type { PrivateKey, PublicKey, Signer } from '../keys/types.ts';
import { maxAgentKeys } from '../limits.ts';
import { type Message, WireReader, WireWriter } from '../wire/index.ts';
import type { AgentConstraints } from './constraint-types.ts';
import { encodeConstraints } from './constraints.ts';
import * as messages from './messages.ts';
import { type CallOptions, RequestQueue } from './request-queue.ts';
import { flagsFor, requireSignature } from './signature.ts';
import type { AgentStream } from './stream.ts';

/** A key that an agent holds. */
export interface AgentIdentity {
  readonly blob: Buffer;
  /** The name in the blob. */
  readonly type: string;
  readonly comment: string;
  /** The key, or undefined for a type that is not known here: such keys are shown, and left alone. */
  readonly key: PublicKey | undefined;
}

/** What binds an agent connection to the session it is used for (PROTOCOL.agent §1). */
export interface SessionBinding {
  readonly hostKey: PublicKey;
  readonly sessionId: Uint8Array;
  /** The server's signature over the session id in the first key exchange. */
  readonly signature: Uint8Array;
  /** Whether the connection is about to be forwarded to that server. */
  readonly forwarding: boolean;
}

export interface AddKeyOptions extends CallOptions {
  /** Default the key's own. */
  readonly comment?: string | undefined;
  readonly constraints?: AgentConstraints | undefined;
}

export interface AddSmartcardOptions extends CallOptions {
  readonly constraints?: AgentConstraints | undefined;
}

/** A connection to an agent. */
export interface AgentClient {
  list(options?: CallOptions): Promise<AgentIdentity[]>;
  /**
   * Has the agent sign. The answer is checked to be a whole signature of the algorithm asked for.
   *
   * @param algorithm - the signature algorithm: `ssh-ed25519`, `rsa-sha2-512`; for a certificate that of its plain key.
   * @returns the wire-format signature.
   * @throws SshError `agent-refused` where the agent says no (locked, not confirmed, key gone).
   */
  sign(key: PublicKey, data: Uint8Array, algorithm: string, options?: CallOptions): Promise<Buffer>;
  /** Binds the connection to a session. @returns false where the agent does not know bindings, or refuses this one. */
  bindSession(binding: SessionBinding, options?: CallOptions): Promise<boolean>;
  /** The names of the extensions that the agent says it has; none where it cannot say. */
  queryExtensions(options?: CallOptions): Promise<string[]>;
  /** Hands a private key to the agent, with its certificate if it has one. */
  add(key: PrivateKey, options?: AddKeyOptions): Promise<void>;
  /**
   * Has the agent load a token's keys through a PKCS#11 library (`ssh-add -s`). Our own agent refuses it, always.
   *
   * @param provider - the library's path on the agent's machine.
   */
  addSmartcardKeys(provider: string, pin: string, options?: AddSmartcardOptions): Promise<void>;
  /** Has the agent give up a token's keys (`ssh-add -e`). */
  removeSmartcardKeys(provider: string, pin: string, options?: CallOptions): Promise<void>;
  remove(key: PublicKey, options?: CallOptions): Promise<void>;
  removeAll(options?: CallOptions): Promise<void>;
  lock(passphrase: string, options?: CallOptions): Promise<void>;
  unlock(passphrase: string, options?: CallOptions): Promise<void>;
  /** Closes the stream; calls that still wait fail with `agent-unavailable`. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * Speaks with an agent over a stream that is already open.
 *
 * Calls are answered in order; when the stream ends, all of them fail with `agent-unavailable`. Each takes an AbortSignal.
 *
 * @example
 * const agent = createAgentClient(createConnection(process.env.SSH_AUTH_SOCK));
 * for (const { comment } of await agent.list()) console.log(comment);
 */
export function createAgentClient(stream: AgentStream): AgentClient {
  const queue = new RequestQueue(stream);
  const close = () => queue.close();

  async function confirm(what: string, request: Uint8Array, options: CallOptions | undefined): Promise<void> {
    const answer = await queue.request(request, options);
    if (answer[0] === messages.success.number) return void read(messages.success, answer);
    throw refusal(what, answer);
  }

  return {
    async list(options) {
      const answer = await queue.request(messages.requestIdentities.encode({}), options);
      if (answer[0] !== messages.identitiesAnswer.number) throw refusal('list its keys', answer);
      return readIdentities(answer);
    },

    async sign(key, data, algorithm, options) {
      const request = messages.signRequest.encode({
        key: key.blob,
        data: data as Buffer,
        flags: flagsFor(key, algorithm),
      });
      const answer = await queue.request(request, options);
      if (answer[0] !== messages.signResponse.number) throw refusal(`sign with the ${key.type} key`, answer);
      return requireSignature(read(messages.signResponse, answer).signature, algorithm);
    },

    bindSession: (binding, options) => sendSessionBinding(queue, binding, options),

    async queryExtensions(options) {
      const request = messages.extension.encode({ extension: messages.queryName, contents: Buffer.alloc(0) });
      const answer = await queue.request(request, options);
      if (isFailure(answer)) return [];
      if (answer[0] !== messages.extensionResponse.number) throw unexpected(answer);
      return readExtensions(read(messages.extensionResponse, answer).contents);
    },

    async add(key, options) {
      const constraints = encodeConstraints(options?.constraints ?? {});
      const writer = new WireWriter();
      writePrivateKey(writer, key);
      const identity = writer
        .string(options?.comment ?? key.comment)
        .fixed(constraints)
        .finish();
      const message = constraints.length === 0 ? messages.addIdentity : messages.addIdConstrained;
      await confirm('take the key', message.encode({ identity }), options);
    },

    async addSmartcardKeys(provider, pin, options) {
      const constraints = encodeConstraints(options?.constraints ?? {}, 'smartcard');
      const token = { id: Buffer.from(provider), pin: Buffer.from(pin) };
      const request =
        constraints.length === 0
          ? messages.addSmartcardKey.encode(token)
          : messages.addSmartcardKeyConstrained.encode({ ...token, constraints });
      await confirm("take the token's keys", request, options);
    },

    removeSmartcardKeys: (provider, pin, options) =>
      confirm(
        "remove the token's keys",
        messages.removeSmartcardKey.encode({ id: Buffer.from(provider), pin: Buffer.from(pin) }),
        options,
      ),
    remove: (key, options) => confirm('remove the key', messages.removeIdentity.encode({ key: key.blob }), options),
    removeAll: (options) => confirm('remove its keys', messages.removeAllIdentities.encode({}), options),
    lock: (passphrase, options) =>
      confirm('be locked', messages.lock.encode({ passphrase: Buffer.from(passphrase) }), options),
    unlock: (passphrase, options) =>
      confirm('be unlocked', messages.unlock.encode({ passphrase: Buffer.from(passphrase) }), options),
    close,
    [Symbol.dispose]: close,
  };
}

/** Sends a binding. @returns false where the agent does not know bindings, or refuses this one. */
export async function sendSessionBinding(
  queue: RequestQueue,
  binding: SessionBinding,
  options?: CallOptions,
): Promise<boolean> {
  const contents = messages.sessionBind.encode({
    hostKey: binding.hostKey.blob,
    sessionId: binding.sessionId as Buffer,
    signature: binding.signature as Buffer,
    forwarding: binding.forwarding,
  });
  const request = messages.extension.encode({ extension: messages.sessionBindName, contents });
  const answer = await queue.request(request, options);
  if (answer[0] === messages.success.number) return true;
  if (isFailure(answer)) return false;
  throw unexpected(answer);
}

/** The agent's usable keys as signers, in the agent's order. Keys of unknown types are left out. */
export async function agentSigners(client: AgentClient, options?: CallOptions): Promise<Signer[]> {
  const identities = await client.list(options);
  return identities.flatMap(({ key, comment }) => (key === undefined ? [] : [createSigner(client, key, comment)]));
}

function createSigner(client: AgentClient, publicKey: PublicKey, comment: string): Signer {
  return {
    publicKey,
    label: `agent: ${comment}`,
    sign: (data, algorithm, options) => client.sign(publicKey, data, algorithm, options),
  };
}

function readIdentities(answer: Buffer): AgentIdentity[] {
  const { count, identities } = read(messages.identitiesAnswer, answer);
  if (count > maxAgentKeys) throw badAnswer(`it claims to hold ${count} keys, at most ${maxAgentKeys} are read`);
  return reading(() => {
    const reader = new WireReader(identities, 'the list of keys');
    const result: AgentIdentity[] = [];
    for (let at = 0; at < count; at++) {
      const blob = reader.string('key');
      // Comments are for people's eyes: bytes that are no UTF-8 must not hide a key.
      result.push(readIdentity(blob, reader.string('comment').toString('utf8')));
    }
    reader.finish();
    return result;
  });
}

function readIdentity(blob: Buffer, comment: string): AgentIdentity {
  try {
    const key = decodePublicKey(blob);
    return { blob, type: key.type, comment, key };
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    return { blob, type: typeNameOf(blob), comment, key: undefined };
  }
}

function typeNameOf(blob: Buffer): string {
  try {
    return new WireReader(blob, 'key').ascii('type');
  } catch {
    return 'unknown';
  }
}

function readExtensions(contents: Buffer): string[] {
  return reading(() => {
    const reader = new WireReader(contents, 'the list of extensions');
    const names: string[] = [];
    while (reader.remaining > 0) names.push(reader.text('extension'));
    return names;
  });
}

function isFailure(answer: Buffer): boolean {
  return answer[0] === messages.failure.number || answer[0] === messages.extensionFailure.number;
}

function refusal(what: string, answer: Buffer): SshError {
  if (!isFailure(answer)) return unexpected(answer);
  return new SshError(`the agent refused to ${what}`, {
    code: 'agent-refused',
    stage: 'agent',
    side: 'peer',
    remedy:
      'See whether the agent is locked (ssh-add -X), waits for a confirmation, or no longer holds the key (ssh-add -l).',
  });
}

function unexpected(answer: Buffer): SshError {
  return badAnswer(`its message ${answer[0]} is no answer to the request`);
}

function badAnswer(detail: string): SshError {
  return new SshError(`the agent's answer cannot be used: ${detail}`, {
    code: 'bad-message',
    stage: 'agent',
    side: 'peer',
  });
}

function read<T>(message: Message<T>, answer: Buffer): T {
  return reading(() => message.decode(answer));
}

/** Errors of the wire layer speak of a connection to a server; here the agent is meant. */
function reading<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    const { message } = toSshError(cause, { code: 'bad-message', stage: 'agent' });
    throw new SshError(message, { code: 'bad-message', stage: 'agent', side: 'peer', cause });
  }
}
