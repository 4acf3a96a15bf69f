/** The server side of the agent protocol: answers one stream's requests from a keyring. */
import { SshError, toSshError } from '../errors.ts';
import { readPrivateKey } from '../keys/index.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { decodeConstraints } from './constraints.ts';
import type { Keyring } from './keyring.ts';
import * as messages from './messages.ts';
import { serveRequests } from './serve-requests.ts';
import { SessionBindings } from './session-bindings.ts';
import type { AgentStream } from './stream.ts';

export interface ServeAgentOptions {
  /** Told of every request that is refused, and why: the answer itself has no words for it. */
  readonly onRefused?: ((error: SshError, request: number) => void) | undefined;
}

/** One client of the agent. */
export interface AgentConnection {
  readonly bindings: SessionBindings;
  /** Settles when the client is gone; undefined where it left in order, otherwise why it was cut off. */
  readonly closed: Promise<SshError | undefined>;
}

/**
 * Serves one client. Whatever it sends, the keyring and other clients go on: a request that cannot be read or granted is
 * answered with a failure, a broken frame ends this stream.
 *
 * Smartcard and provider requests are refused, always: they made agents load libraries (CVE-2016-10009, CVE-2023-38408).
 */
export function serveAgent(stream: AgentStream, keyring: Keyring, options: ServeAgentOptions = {}): AgentConnection {
  const bindings = new SessionBindings();
  const closed = serveRequests(stream, (request) => answer(request, keyring, bindings, options));
  return { bindings, closed };
}

async function answer(
  request: Buffer,
  keyring: Keyring,
  bindings: SessionBindings,
  { onRefused }: ServeAgentOptions,
): Promise<Buffer> {
  try {
    return await grant(request, keyring, bindings);
  } catch (cause) {
    onRefused?.(toSshError(cause, { code: 'agent-refused', stage: 'agent' }), request[0] ?? 0);
    return request[0] === messages.extension.number
      ? messages.extensionFailure.encode({})
      : messages.failure.encode({});
  }
}

/** The answer to one request; anything thrown is a refusal. */
async function grant(request: Buffer, keyring: Keyring, bindings: SessionBindings): Promise<Buffer> {
  switch (request[0]) {
    case messages.requestIdentities.number:
      messages.requestIdentities.decode(request);
      return listIdentities(keyring, bindings);
    case messages.signRequest.number: {
      const signature = await keyring.sign(messages.signRequest.decode(request), bindings);
      return messages.signResponse.encode({ signature });
    }
    case messages.addIdentity.number:
      addKey(messages.addIdentity.decode(request).identity, false, keyring, bindings);
      break;
    case messages.addIdConstrained.number:
      addKey(messages.addIdConstrained.decode(request).identity, true, keyring, bindings);
      break;
    case messages.removeIdentity.number:
      keyring.remove(messages.removeIdentity.decode(request).key, bindings);
      break;
    case messages.removeAllIdentities.number:
      messages.removeAllIdentities.decode(request);
      keyring.removeAll();
      break;
    case messages.lock.number:
      keyring.lock(messages.lock.decode(request).passphrase);
      break;
    case messages.unlock.number:
      await keyring.unlock(messages.unlock.decode(request).passphrase);
      break;
    case messages.extension.number:
      return answerExtension(messages.extension.decode(request), keyring, bindings);
    default:
      throw new SshError(`request ${request[0]} is refused, or not known here`, {
        code: 'agent-refused',
        stage: 'agent',
      });
  }
  return messages.success.encode({});
}

function listIdentities(keyring: Keyring, bindings: SessionBindings): Buffer {
  const held = keyring.list(bindings);
  const writer = new WireWriter(4096);
  for (const { key, comment } of held) writer.string(key.publicKey.blob).string(comment);
  return messages.identitiesAnswer.encode({ count: held.length, identities: writer.finish() });
}

function addKey(identity: Buffer, constrained: boolean, keyring: Keyring, bindings: SessionBindings): void {
  const reader = new WireReader(identity, 'the key to add');
  const withComment = readPrivateKey(reader);
  const comment = reader.string('comment').toString('utf8');
  const constraints = constrained ? decodeConstraints(reader.rest()) : {};
  reader.finish();
  keyring.add(withComment(comment), comment, constraints, bindings);
}

function answerExtension(
  request: { extension: string; contents: Buffer },
  keyring: Keyring,
  bindings: SessionBindings,
): Buffer {
  if (request.extension === messages.sessionBindName) {
    // CVE-2026-73281: taken while locked as well, or a forwarded connection would pass for a local one after unlocking.
    bindings.bind(request.contents);
    return messages.success.encode({});
  }
  if (keyring.locked) return messages.failure.encode({});
  if (request.extension === messages.queryName) {
    const names = [messages.queryName, messages.sessionBindName];
    const contents = names.reduce((writer, name) => writer.string(name), new WireWriter()).finish();
    return messages.extensionResponse.encode({ extension: messages.queryName, contents });
  }
  return messages.failure.encode({});
}
