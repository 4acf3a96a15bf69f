/** Channels: a connection in either role whose peer sends any messages, and the data of terminal modes. */
import {
  allocatedPort,
  Channel,
  ChannelStream,
  Connection,
  type ConnectionOptions,
  connectionMessages,
  decodeTerminalModes,
  directTcpip,
  encodeTerminalModes,
  type IncomingRequest,
  openSession,
  type RequestHandler,
  ServerSession,
  tcpipForward,
} from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import type { Clock, ConnectionLink } from '@nacre/ssh/transport';
import { WireWriter } from '@nacre/ssh/wire';
import type { FuzzTarget } from '../target.ts';
import { listed, nextTurn, type Payload, payloadsOf } from '../transport-subject.ts';

/** An end under test: it must never throw anything but an SshError, and nothing may stay open at its end. */
class Peer implements ConnectionLink {
  readonly role: 'client' | 'server';
  readonly peerIdentification = 'SSH-2.0-OpenSSH_10.0';
  readonly connection: Connection;
  ready = true;
  failure: SshError | undefined;
  sentBytes = 0;

  constructor(role: 'client' | 'server', options: Omit<ConnectionOptions, 'clock'> = {}) {
    this.role = role;
    const clock: Clock = { now: () => 0, setTimer: () => () => {} };
    this.connection = new Connection(this, { ...options, clock });
  }

  send(head: Uint8Array, body?: Uint8Array): void {
    if (this.failure === undefined) this.sentBytes += head.length + (body?.length ?? 0);
  }

  ping(): boolean {
    return false;
  }

  fail(error: SshError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.connection.end(error);
  }

  async feed(payloads: readonly Buffer[]): Promise<void> {
    for (const payload of payloads) {
      if (this.failure !== undefined) break;
      try {
        this.connection.receive(Buffer.from(payload));
      } catch (error) {
        if (!(error instanceof SshError)) throw error;
        this.fail(error);
      }
      await nextTurn();
    }
    const failure = this.failure;
    this.fail(new SshError('the peer is gone', { code: 'connection-lost', stage: 'transport' }));
    await nextTurn();
    if (this.connection.channelCount !== 0) throw new Error(`${this.connection.channelCount} channels are left`);
    if (failure !== undefined) throw failure;
  }
}

const open = (type: string, id: number, data: Payload = []) =>
  new WireWriter().uint8(90).string(type).uint32(id).uint32(65536).uint32(32768).fixed(Buffer.from(data)).finish();
const request = (channel: number, type: string, data: Payload = []) =>
  new WireWriter().uint8(98).uint32(channel).string(type).boolean(true).fixed(Buffer.from(data)).finish();
const global = (type: string, data: Payload = []) =>
  new WireWriter().uint8(80).string(type).boolean(true).fixed(Buffer.from(data)).finish();
const data = (channel: number, text: string) => new WireWriter().uint8(94).uint32(channel).string(text).finish();
const extended = (channel: number, text: string) =>
  new WireWriter().uint8(95).uint32(channel).uint32(1).string(text).finish();
const adjust = (channel: number, bytes: number) => new WireWriter().uint8(93).uint32(channel).uint32(bytes).finish();
const eof = (channel: number) => new WireWriter().uint8(96).uint32(channel).finish();
const close = (channel: number) => new WireWriter().uint8(97).uint32(channel).finish();
const text = (...texts: string[]) => texts.reduce((writer, each) => writer.string(each), new WireWriter()).finish();

const modes = encodeTerminalModes(
  new Map([
    [1, 3],
    [128, 38400],
    [53, 1],
  ]),
);
const pty = new WireWriter().string('xterm').uint32(80).uint32(24).uint32(0).uint32(0).string(modes).finish();
const size = new WireWriter().uint32(132).uint32(50).uint32(0).uint32(0).finish();
const address = new WireWriter().string('localhost').uint32(80).string('127.0.0.1').uint32(4000).finish();
const listen = new WireWriter().string('localhost').uint32(0).finish();

/** Payloads of a client, each with two bytes of length in front. */
export const connectionServer: FuzzTarget = {
  name: 'connection-server',
  seeds: [
    listed([0], [open('session', 0), request(0, 'env', text('LANG', 'C')), request(0, 'exec', text('ls')), eof(0)]),
    listed(
      [0],
      [
        ...[open('session', 7), request(0, 'pty-req', pty), request(0, 'shell'), request(0, 'window-change', size)],
        ...[data(0, 'exit\n'), request(0, 'signal', text('TERM')), adjust(0, 4096), request(0, 'break', [0, 0, 1, 0])],
        ...[request(0, 'eow@openssh.com'), eof(0), close(0)],
      ],
    ),
    listed(
      [0],
      [open('session', 1), request(0, 'subsystem', text('sftp')), extended(0, 'x'), close(0), open('session', 2)],
    ),
    listed([0], [open('direct-tcpip', 3, address), data(0, 'GET / HTTP/1.0\r\n\r\n'), eof(0), close(0)]),
    listed([0], [global('tcpip-forward', listen), global('keepalive@openssh.com'), open('x11', 5)]),
    listed([0], [open('session', 1), global('no-more-sessions@openssh.com')]),
  ],
  async run(input) {
    const peer = new Peer('server', {
      channelHandlers: new Map([
        [
          'session',
          (incoming) => {
            const session = new ServerSession(incoming.accept(), {
              onStart: () => {
                session.stream.on('error', () => {});
                session.stream.on('end', () => void session.exit(0));
                session.stream.resume().write('output');
                return true;
              },
              onPty: () => true,
              onEnvironment: () => true,
              onSignal: (name) => name === 'TERM',
              onBreak: () => true,
            });
            session.stream.on('error', () => {});
            session.stderr.on('error', () => {});
          },
        ],
        [
          'direct-tcpip',
          (incoming) => {
            directTcpip.data.decode(incoming.data);
            const stream = new ChannelStream(incoming.accept());
            stream.on('error', () => {}).pipe(stream);
          },
        ],
      ]),
      globalRequestHandlers: new Map<string, RequestHandler>([
        [
          'tcpip-forward',
          (asked: IncomingRequest) => {
            tcpipForward.data.decode(asked.data);
            return allocatedPort.encode({ port: 4000 });
          },
        ],
        ['keepalive@openssh.com', () => true],
      ]),
      onHandlerError: (error) => {
        throw error;
      },
    });
    await peer.feed(payloadsOf(input.subarray(1)));
  },
};

const confirm = (channel: number) =>
  new WireWriter().uint8(91).uint32(channel).uint32(9).uint32(65536).uint32(32768).finish();
const exitStatus = (status: number) =>
  new WireWriter().uint8(98).uint32(0).string('exit-status').boolean(false).uint32(status).finish();
const exitSignal = new WireWriter().boolean(true).string('why').string('').finish();

/** Payloads of a server: the client has asked for a session with a program, a second channel, and a global request. */
export const connectionClient: FuzzTarget = {
  name: 'connection-client',
  seeds: [
    listed([0], [confirm(0), [99, 0, 0, 0, 0], data(0, 'out'), extended(0, 'err'), exitStatus(3), eof(0), close(0)]),
    listed([0], [confirm(0), confirm(1), [100, 0, 0, 0, 0], data(1, 'x'), adjust(1, 9), [81, 0, 0, 0, 9], close(1)]),
    listed([0], [new WireWriter().uint8(92).uint32(0).uint32(1).string('no').string('').finish(), [82]]),
    listed([0], [confirm(0), request(0, 'exit-signal', Buffer.concat([text('KILL'), exitSignal])), close(0)]),
    listed([0], [confirm(0), request(0, 'keepalive@openssh.com'), request(0, 'xon-xoff', [1]), open('session', 4)]),
  ],
  async run(input) {
    const peer = new Peer('client');
    const { connection } = peer;
    const results = [
      openSession(connection).then(async (session) => {
        session.stream.on('error', () => {}).resume();
        session.stderr.on('error', () => {}).resume();
        await session.exec('ls').catch(onlySshErrors);
        return session.exit;
      }),
      connection.openChannel('direct-tcpip', address).then((channel) => {
        if (!(channel instanceof Channel)) throw new Error('no channel');
        const stream = new ChannelStream(channel);
        stream.on('error', () => {}).resume();
        stream.end('question');
      }),
      connection.globalRequest('tcpip-forward', listen),
    ].map((result: Promise<unknown>) => result.then(() => {}, onlySshErrors));
    const fed = peer.feed(payloadsOf(input.subarray(1)));
    await Promise.allSettled([fed]);
    await Promise.all(results);
    await fed;
  },
};

function onlySshErrors(error: unknown): void {
  if (!(error instanceof SshError)) throw error;
}

const refusal = new WireWriter().uint8(92).uint32(0).uint32(1).string('no').string('').finish();
const examples: readonly Payload[] = [
  ...[global('x'), [81, 1], [82], open('x', 1), confirm(1), refusal, adjust(1, 2), data(1, 'x'), extended(1, 'x')],
  ...[eof(1), close(1), request(1, 'x'), [99, 0, 0, 0, 1], [100, 0, 0, 0, 1]],
];

/** Byte 0 chooses a declared message, or terminal modes, which encode to bytes that decode to the same. */
export const connectionData: FuzzTarget = {
  name: 'connection-data',
  seeds: [
    Buffer.concat([Buffer.of(0), modes]),
    ...connectionMessages.map((message, index) => {
      const example = examples.find((payload) => payload[0] === message.number);
      if (example === undefined) throw new Error(`no example of message ${message.number}`);
      return Buffer.concat([Buffer.of(index + 1), Buffer.from(example)]);
    }),
  ],
  run(input) {
    const row = (input[0] ?? 0) % (connectionMessages.length + 1);
    const rest = input.subarray(1);
    if (row > 0) {
      connectionMessages[row - 1]?.decode(rest);
      return;
    }
    const decoded = decodeTerminalModes(rest);
    const again = decodeTerminalModes(encodeTerminalModes(decoded));
    if (again.size !== decoded.size) throw new Error('modes are lost on their way through encode and decode');
    for (const [mode, value] of decoded) if (again.get(mode) !== value) throw new Error(`mode ${mode} changed`);
  },
};
