/** Ports that the server listens on for us (tcpip-forward), and who takes the connections that come. */
import type { Duplex } from 'node:stream';
import {
  allocatedPort,
  type ChannelOpenHandler,
  ChannelStream,
  type Connection,
  cancelTcpipForward,
  forwardedTcpip,
  type IncomingOpen,
  tcpipForward,
} from '../connection/index.ts';
import { SshError } from '../errors.ts';

/** A port on the server's machine. */
export interface RemoteListener {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type OnConnection = (stream: Duplex) => void;

export class RemoteForwards {
  readonly #listeners = new Map<string, OnConnection>();
  readonly channelHandlers: ReadonlyMap<string, ChannelOpenHandler> = new Map([
    [forwardedTcpip.name, (open: IncomingOpen) => this.#accept(open)],
  ]);

  async listen(
    connection: Connection,
    address: string,
    port: number,
    onConnection: OnConnection,
    options: { signal?: AbortSignal },
  ): Promise<RemoteListener> {
    const answer = await connection.globalRequest(
      tcpipForward.name,
      tcpipForward.data.encode({ address, port }),
      options,
    );
    if (answer === undefined) {
      throw new SshError(`the server refuses to listen on ${address} port ${port}`, {
        code: 'request-refused',
        stage: 'channel',
        side: 'peer',
        remedy: 'Check AllowTcpForwarding and GatewayPorts there, and that the port is free.',
      });
    }
    const chosen = port === 0 ? allocatedPort.decode(answer).port : port;
    const key = keyOf(address, chosen);
    this.#listeners.set(key, onConnection);
    const close = async () => {
      if (!this.#listeners.delete(key) || connection.ended) return;
      await connection.globalRequest(
        cancelTcpipForward.name,
        cancelTcpipForward.data.encode({ address, port: chosen }),
      );
    };
    return { address, port: chosen, close, [Symbol.asyncDispose]: close };
  }

  end(): void {
    this.#listeners.clear();
  }

  /** Only what we asked for is taken: a server cannot reach into our network by itself. */
  #accept(open: IncomingOpen): void {
    const { address, port } = forwardedTcpip.data.decode(open.data);
    const onConnection = this.#listeners.get(keyOf(address, port));
    if (onConnection === undefined) open.refuse();
    else onConnection(new ChannelStream(open.accept()));
  }
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`;
}
