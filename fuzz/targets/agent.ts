/** The agent protocol: answers to our client, and requests to our agent. */
import {
  type AgentConstraints,
  type AgentStream,
  createAgentClient,
  type DestinationConstraint,
  decodeConstraints,
  encodeConstraints,
  Keyring,
  serveAgent,
} from '@nacre/ssh/agent';
import { SshError } from '@nacre/ssh/errors';
import { writePrivateKey } from '@nacre/ssh/keys';
import { WireWriter } from '@nacre/ssh/wire';
import { knownKey } from '../known-key.ts';
import type { FuzzTarget } from '../target.ts';
import { nextTurn } from '../transport-subject.ts';

class Stream implements AgentStream {
  readonly written: Buffer[] = [];
  destroyed = false;
  readonly #listeners: Record<string, ((value: never) => void)[]> = {};

  write(bytes: Uint8Array): boolean {
    if (this.destroyed) throw new Error('it writes after its end');
    this.written.push(Buffer.from(bytes));
    return true;
  }

  on(event: string, listener: (value: never) => void): void {
    this.#listeners[event] ??= [];
    this.#listeners[event].push(listener);
  }

  emit(event: 'data' | 'end', value?: Buffer): void {
    for (const listener of this.#listeners[event] ?? []) listener(value as never);
  }

  destroy(): void {
    this.destroyed = true;
  }
}

const frame = (...payload: (number | Uint8Array)[]) =>
  new WireWriter()
    .string(Buffer.concat(payload.map((part) => (typeof part === 'number' ? Buffer.of(part) : part))))
    .finish();
const strings = (...parts: (string | Uint8Array)[]) =>
  parts.reduce((writer: WireWriter, part) => writer.string(part), new WireWriter()).finish();
const number = (value: number) => new WireWriter().uint32(value).finish();

const { blob } = knownKey.publicKey;
const data = Buffer.from('data');
const signature = await knownKey.sign(data, 'ssh-ed25519');
const added = new WireWriter();
writePrivateKey(added, knownKey);
const identity = Buffer.concat([added.finish(), strings('comment')]);
const bound = strings(blob, data, signature);
const host = { host: 'a', keys: [{ key: knownKey.publicKey, isCertAuthority: false }] };
const destinations: DestinationConstraint[] = [
  { from: undefined, to: host },
  { from: host, to: { ...host, user: 'al*' } },
];
const limits = encodeConstraints({ destinations, lifetimeSeconds: 9, confirm: true });
const tokenLimits = { associatedCertificates: { certificatesOnly: true, certificates: [knownKey.publicKey] } };
const login = (method: string, ...rest: Uint8Array[]) =>
  Buffer.concat([
    strings(data),
    Buffer.of(50),
    strings('alice', 'ssh-connection', method),
    Buffer.of(1),
    strings('ssh-ed25519', blob, ...rest),
  ]);
const bind = (forwarding: number) => frame(27, strings('session-bind@openssh.com'), bound, Buffer.of(forwarding));

/** Byte 0: size of the reads. The calls are made at once, and every one must settle. */
export const agentClient: FuzzTarget = {
  name: 'agent-client',
  seeds: [
    Buffer.concat([
      ...[Buffer.of(0), frame(12, number(1), strings(blob, 'comment')), frame(14, strings(signature)), frame(6)],
      frame(29, strings('query', 'session-bind@openssh.com')),
    ]),
    Buffer.concat([Buffer.of(3), frame(5), frame(5), frame(28), frame(5)]),
  ],
  async run(input) {
    const stream = new Stream();
    const client = createAgentClient(stream);
    const calls = [
      client.list(),
      client.sign(knownKey.publicKey, data, 'ssh-ed25519'),
      client.bindSession({ hostKey: knownKey.publicKey, sessionId: data, signature, forwarding: false }),
      client.queryExtensions(),
    ];
    const settled = Promise.allSettled(calls);
    await deliver(stream, input);
    stream.emit('end');
    for (const result of await settled) {
      if (result.status === 'rejected' && !(result.reason instanceof SshError)) throw result.reason;
    }
  },
};

/** Byte 0: size of the reads. Every whole request has one answer, and the keys come through unharmed. */
export const agentServer: FuzzTarget = {
  name: 'agent-server',
  seeds: [
    Buffer.concat([Buffer.of(0), frame(11), frame(13, strings(blob, data), number(0)), frame(27, strings('query'))]),
    Buffer.concat([Buffer.of(5), frame(17, identity), frame(25, identity, Buffer.of(1, 0, 0, 0, 9)), frame(11)]),
    Buffer.concat([
      Buffer.of(0),
      frame(25, identity, Buffer.of(255), strings('restrict-destination-v00@openssh.com', 'x')),
    ]),
    Buffer.concat([Buffer.of(0), frame(22, strings('secret')), frame(11), frame(23, strings('secret')), frame(19)]),
    Buffer.concat([
      Buffer.of(0),
      frame(27, strings('session-bind@openssh.com'), bound, Buffer.of(1)),
      frame(18, strings(blob)),
    ]),
    Buffer.concat([Buffer.of(0), frame(25, identity, limits), frame(25, identity, limits), bind(1), frame(11)]),
    Buffer.concat([Buffer.of(0), frame(20, strings('/lib/x.so', '1234')), frame(26, strings('/lib/x.so', '1234'))]),
  ],
  run: (input) => serve(input, {}),
};

/** As agent-server, where the one key is limited to destinations: no signature is given for anything but a bound login. */
export const agentLimitedKey: FuzzTarget = {
  name: 'agent-limited-key',
  seeds: [
    Buffer.concat([
      Buffer.of(0),
      bind(0),
      frame(11),
      frame(13, strings(blob, login('publickey')), number(0)),
      frame(18, strings(blob)),
    ]),
    Buffer.concat([
      Buffer.of(0),
      bind(0),
      frame(13, strings(blob, login('publickey-hostbound-v00@openssh.com', blob)), number(0)),
    ]),
    Buffer.concat([Buffer.of(0), bind(1), frame(11), frame(13, strings(blob, login('publickey')), number(0))]),
    Buffer.concat([Buffer.of(0), frame(13, strings(blob, login('publickey')), number(0))]),
  ],
  run: (input) => serve(input, { destinations }),
};

/** Byte 0: what they stand on. Constraints that are read are written and read again as the same. */
export const agentConstraints: FuzzTarget = {
  name: 'agent-constraints',
  seeds: [
    Buffer.concat([Buffer.of(0), limits]),
    Buffer.concat([Buffer.of(0), encodeConstraints({ securityKeyProvider: 'internal' })]),
    Buffer.concat([Buffer.of(1), encodeConstraints(tokenLimits, 'smartcard')]),
  ],
  run(input) {
    const subject = input[0] === 1 ? 'smartcard' : 'key';
    const once = encodeConstraints(decodeConstraints(input.subarray(1), subject), subject);
    const twice = encodeConstraints(decodeConstraints(once, subject), subject);
    if (!once.equals(twice)) throw new Error('constraints change when they are written');
  },
};

async function serve(input: Buffer, constraints: AgentConstraints): Promise<void> {
  const keyring = new Keyring({ now: () => 0, confirm: async () => true });
  keyring.add(knownKey, 'comment', constraints);
  const stream = new Stream();
  const connection = serveAgent(stream, keyring);
  await deliver(stream, input);
  for (let turn = 0, before = -1; turn < 1000 && before !== stream.written.length; turn++) {
    before = stream.written.length;
    for (let wait = 0; wait < 4; wait++) await nextTurn();
  }
  if (!stream.destroyed && stream.written.length !== countFrames(input.subarray(1))) {
    throw new Error(`${stream.written.length} answers to ${countFrames(input.subarray(1))} requests`);
  }
  stream.emit('end');
  const end = await connection.closed;
  for (const { key } of keyring.list()) await key.sign(data, key.publicKey.plain.signatureAlgorithms[0] ?? '');
  const signed = stream.written.filter((answer) => answer[4] === 14).length;
  // The host key of the binding is the key itself here, so that a login can be had; but only over a bound connection.
  if (constraints.destinations !== undefined && signed > 0 && connection.bindings.sessions.length === 0) {
    const replaced = stream.written.some((answer) => answer[4] === 6);
    if (!replaced) throw new Error('a limited key signed over a connection that is bound to nothing');
  }
  if (end !== undefined) throw end;
}

async function deliver(stream: Stream, input: Buffer): Promise<void> {
  const bytes = input.subarray(1);
  const size = input[0] || bytes.length || 1;
  for (let at = 0; at < bytes.length; at += size) stream.emit('data', Buffer.from(bytes.subarray(at, at + size)));
  await nextTurn();
}

function countFrames(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + 4 <= bytes.length; count++) {
    at += 4 + bytes.readUInt32BE(at);
    if (at > bytes.length) break;
  }
  return count;
}
