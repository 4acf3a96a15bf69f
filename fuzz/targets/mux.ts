/** Control sockets: a client's bytes to our master, and a master's bytes to our client, in and before proxy mode. */
import { Connection, type IncomingOpen } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import { MuxClientSession, MuxMasterSession, muxMessages } from '@nacre/ssh/mux';
import type { ByteSink } from '@nacre/ssh/transport';
import { type Message, WireWriter } from '@nacre/ssh/wire';
import type { FuzzTarget } from '../target.ts';
import { nextTurn } from '../transport-subject.ts';

class Sink implements ByteSink {
  isEnded = false;

  write(): void {
    if (this.isEnded) throw new Error('it writes after its end');
  }

  queuedBytes(): number {
    return 0;
  }

  setReading(): void {}

  end(): void {
    this.isEnded = true;
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }
}

const clock = { now: () => 0, setTimer: () => () => {} };
const number = (...values: number[]) =>
  values.reduce((writer: WireWriter, value) => writer.uint32(value), new WireWriter()).finish();
const strings = (...parts: string[]) =>
  parts.reduce((writer: WireWriter, part) => writer.string(part), new WireWriter()).finish();
const frame = (...parts: Uint8Array[]) => new WireWriter().string(Buffer.concat(parts)).finish();
const packet = (...parts: Uint8Array[]) => frame(Buffer.of(0), ...parts);
const hello = frame(number(1, 4));
const greeting = frame(number(1, 4), strings('info', '0', 'proxy-replies@nacre', '0'));
const forward = (type: number) => frame(number(type, 3, 1), strings(''), number(8080), strings('web'), number(80));
const open = packet(Buffer.of(90), strings('session'), number(5, 1000, 1000));
const forwardRequest = packet(Buffer.of(80), strings('tcpip-forward'), Buffer.of(1), strings('localhost'), number(0));
const proxy = frame(number(0x1000000f, 9));
const data = (recipient: number) => packet(Buffer.of(94), number(recipient), strings('data'));
const about = (type: number, recipient: number) => packet(Buffer.of(type), number(recipient));

/** Byte 0: size of the reads. Whatever a client sends costs nobody but itself: the shared connection and its server go on. */
export const muxMaster: FuzzTarget = {
  name: 'mux-master',
  seeds: [
    Buffer.concat([
      ...[Buffer.of(0), hello, frame(number(0x10000004, 1)), forward(0x10000006), forward(0x10000007)],
      ...[
        frame(number(0x20000001, 5), strings('channels')),
        frame(number(0x10000009, 6)),
        frame(number(0x10000005, 7)),
      ],
    ]),
    Buffer.concat([
      ...[Buffer.of(7), hello, frame(number(0x10000002, 1), strings('', 'xterm', 'ls')), Buffer.alloc(3)],
      ...[frame(number(0x10000008, 2), strings('', 'web'), number(80)), Buffer.alloc(2), frame(number(0x10000004, 3))],
    ]),
    Buffer.concat([Buffer.of(0), hello, proxy, open, open, data(0), about(96, 0), about(97, 0), data(1), about(97, 1)]),
    Buffer.concat([
      Buffer.of(3),
      hello,
      proxy,
      forwardRequest,
      open,
      about(99, 0),
      about(92, 0),
      about(93, 0),
      about(1, 0),
    ]),
  ],
  async run(input) {
    const { shared, server, deliver } = joined();
    const sink = new Sink();
    let endings = 0;
    const session = new MuxMasterSession(sink, {
      connection: shared,
      pid: 1,
      openForward: async () => 4242,
      closeForward: async () => {},
      terminate() {},
      stopListening() {},
      describe: (subject) => subject,
      ended: () => endings++,
    });
    const bytes = input.subarray(1);
    const size = input[0] || bytes.length || 1;
    for (let at = 0; at < bytes.length; at += size) {
      session.receive(Buffer.from(bytes.subarray(at, at + size)));
      await deliver();
    }
    session.receiveEnd();
    for (let round = 0; round < 4; round++) await deliver();
    if (endings !== 1) throw new Error(`the client's end was told ${endings} times`);
    if (shared.ended !== undefined) throw new Error('the shared connection ended', { cause: shared.ended });
    if (server.ended !== undefined) throw new Error('the server ended the connection', { cause: server.ended });
    if (shared.channelCount > 0) throw new Error(`${shared.channelCount} channels of a client that has gone`);
  },
};

/** Byte 0: size of the reads. A master may send anything: every call settles. */
export const muxClient: FuzzTarget = {
  name: 'mux-client',
  seeds: [
    Buffer.concat([
      ...[Buffer.of(0), greeting, frame(number(0x80000005, 0, 4711)), frame(number(0x80000007, 1, 4242))],
      ...[frame(number(0x80000003, 2), strings('no')), frame(number(0x90000001, 3), strings('text'))],
      ...[frame(number(0x8000000f, 4)), packet(Buffer.of(91), number(0, 7, 1000, 1000)), data(0), about(97, 0)],
      packet(Buffer.of(81), number(8080)),
    ]),
    Buffer.concat([Buffer.of(5), hello, frame(number(0x80000002, 0), strings('Permission denied'))]),
  ],
  async run(input) {
    const sink = new Sink();
    const client = new MuxClientSession(sink, clock);
    const proxied = client.startProxy.bind(client);
    const calls: Promise<unknown>[] = [
      client.aliveCheck(),
      client.openForward({
        kind: 'remote',
        listen: { kind: 'tcp', host: undefined, port: 0 },
        target: { kind: 'socks' },
      }),
      client.stopListening(),
      client.describe('channels'),
      proxied().then((link) => {
        const connection = new Connection(link, { clock });
        link.attach(connection);
        return Promise.all([
          connection.openChannel('session', Buffer.alloc(0)),
          connection.globalRequest('tcpip-forward', Buffer.concat([strings(''), number(0)])),
        ]);
      }),
    ];
    const settled = Promise.allSettled(calls);
    const bytes = input.subarray(1);
    const size = input[0] || bytes.length || 1;
    for (let at = 0; at < bytes.length; at += size) {
      client.receive(Buffer.from(bytes.subarray(at, at + size)));
      await nextTurn();
    }
    client.receiveEnd();
    for (const result of await settled) {
      if (result.status === 'rejected' && !(result.reason instanceof SshError)) throw result.reason;
    }
    await client.closed;
  },
};

/** A message by itself: what decodes is encoded to something that decodes to the same. */
export const muxMessage: FuzzTarget = {
  name: 'mux-messages',
  seeds: [
    Buffer.concat([number(1, 4), strings('info', '0')]),
    Buffer.concat([number(0x10000002, 1), strings(''), number(1, 0, 1, 0, 126), strings('xterm', 'ls', 'A=b')]),
    Buffer.concat([number(0x10000006, 1, 2), strings('a'), number(80), strings('b'), number(81)]),
    Buffer.concat([number(0x80000003, 1), strings('reason')]),
  ],
  run(input) {
    if (input.length < 4) return;
    const all = muxMessages as readonly Message<unknown>[];
    const message = all.find((candidate) => candidate.number === input.readUInt32BE(0));
    if (message === undefined) return;
    const again = message.encode(message.decode(input));
    if (!again.equals(message.encode(message.decode(again)))) {
      throw new Error(`${message.name} changes when it is written again`);
    }
  },
};

/** A client's connection and its server, which echoes and grants, joined in memory. */
function joined() {
  const toServer: Buffer[] = [];
  const toClient: Buffer[] = [];
  const link = (role: 'client' | 'server', out: Buffer[], end: (error: SshError) => void) => ({
    role,
    peerIdentification: '',
    ready: true,
    send: (head: Uint8Array, body?: Uint8Array) => void out.push(Buffer.concat(body ? [head, body] : [head])),
    ping: () => false,
    fail: end,
  });
  const accept = (incoming: IncomingOpen): void => {
    const channel = incoming.accept({ windowBytes: 1000 });
    channel.attach({
      data: (chunk: Buffer) => channel.consumed(chunk.length),
      eof() {},
      closed() {},
    });
  };
  const shared: Connection = new Connection(
    link('client', toServer, (error) => shared.end(error)),
    { clock },
  );
  const server: Connection = new Connection(
    link('server', toClient, (error) => server.end(error)),
    {
      clock,
      channelHandlers: new Map([['session', accept]]),
      globalRequestHandlers: new Map([['tcpip-forward', () => number(4242)]]),
    },
  );
  const carry = (from: Buffer[], to: Connection): void => {
    for (const payload of from.splice(0)) {
      try {
        to.receive(payload);
      } catch (error) {
        to.end(error as SshError);
      }
    }
  };
  return {
    shared,
    server,
    async deliver() {
      for (let round = 0; round < 3; round++) {
        await nextTurn();
        carry(toServer, server);
        carry(toClient, shared);
      }
    },
  };
}
