/** Ports and sockets that the server listens on for us, and who takes the connections that come. */
import type { Duplex } from 'node:stream';
import {
  allocatedPort,
  type ChannelOpenHandler,
  ChannelStream,
  type Connection,
  cancelStreamlocalForwardOpenssh,
  cancelTcpipForward,
  forwardedStreamlocalOpenssh,
  forwardedTcpip,
  type IncomingOpen,
  streamlocalForwardOpenssh,
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

/** A Unix socket on the server's machine. */
export interface RemoteSocketListener {
  readonly path: string;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Takes a connection; `from` is who connected to the server, as the server tells it. */
export type OnForwardedConnection = (stream: Duplex, from: { address: string; port: number }) => void;

interface Options {
  readonly signal?: AbortSignal;
}

export class RemoteForwards {
  readonly #listeners = new Map<string, OnForwardedConnection>();
  /** Requests whose answer has not come, or is not looked at yet. */
  readonly #asking = new Set<Promise<unknown>>();
  readonly channelHandlers: ReadonlyMap<string, ChannelOpenHandler> = new Map([
    [forwardedTcpip.name, (open: IncomingOpen) => this.#acceptTcp(open)],
    [forwardedStreamlocalOpenssh.name, (open: IncomingOpen) => this.#acceptUnix(open)],
  ]);

  async listen(
    connection: Connection,
    address: string,
    port: number,
    onConnection: OnForwardedConnection,
    options: Options,
  ): Promise<RemoteListener> {
    const request = tcpipForward.data.encode({ address, port });
    const asked = connection.globalRequest(tcpipForward.name, request, options);
    const { chosen, remove } = await this.#ask(asked, (answer) => {
      if (answer === undefined) throw refused(`${address === '' ? 'all addresses' : address} port ${port}`);
      const chosen = port === 0 ? allocatedPort.decode(answer).port : port;
      return { chosen, remove: this.#add(keyOf(address, chosen), onConnection) };
    });
    const cancel = cancelTcpipForward.data.encode({ address, port: chosen });
    const close = closer(connection, remove, cancelTcpipForward.name, cancel);
    return { address, port: chosen, close, [Symbol.asyncDispose]: close };
  }

  async listenUnix(
    connection: Connection,
    path: string,
    onConnection: OnForwardedConnection,
    options: Options,
  ): Promise<RemoteSocketListener> {
    const request = streamlocalForwardOpenssh.data.encode({ socketPath: path });
    const asked = connection.globalRequest(streamlocalForwardOpenssh.name, request, options);
    const remove = await this.#ask(asked, (answer) => {
      if (answer === undefined) throw refused(path);
      return this.#add(path, onConnection);
    });
    const cancel = cancelStreamlocalForwardOpenssh.data.encode({ socketPath: path });
    const close = closer(connection, remove, cancelStreamlocalForwardOpenssh.name, cancel);
    return { path, close, [Symbol.asyncDispose]: close };
  }

  end(): void {
    this.#listeners.clear();
  }

  /** @returns what takes it away again, and tells whether it was still there. */
  #add(key: string, onConnection: OnForwardedConnection): () => boolean {
    this.#listeners.set(key, onConnection);
    return () => this.#listeners.get(key) === onConnection && this.#listeners.delete(key);
  }

  async #ask<T>(asked: Promise<Buffer | undefined>, take: (answer: Buffer | undefined) => T): Promise<T> {
    const taken = asked.then(take);
    this.#asking.add(taken);
    try {
      return await taken;
    } finally {
      this.#asking.delete(taken);
    }
  }

  /** Only what we asked for is taken: a server cannot reach into our network by itself. */
  #acceptTcp(open: IncomingOpen): Promise<void> {
    const { address, port, originatorAddress, originatorPort } = forwardedTcpip.data.decode(open.data);
    return this.#accept(open, keyOf(address, port), { address: originatorAddress, port: originatorPort });
  }

  #acceptUnix(open: IncomingOpen): Promise<void> {
    const { socketPath } = forwardedStreamlocalOpenssh.data.decode(open.data);
    return this.#accept(open, socketPath, { address: '', port: 0 });
  }

  async #accept(open: IncomingOpen, key: string, from: { address: string; port: number }): Promise<void> {
    // A connection may come right behind the answer that allows it, in the same packet, before that is looked at.
    if (!this.#listeners.has(key) && this.#asking.size > 0) await Promise.allSettled(this.#asking);
    const onConnection = this.#listeners.get(key);
    if (onConnection === undefined) open.refuse();
    else onConnection(new ChannelStream(open.accept({ label: from.address || open.type })), from);
  }
}

function closer(
  connection: Connection,
  remove: () => boolean,
  cancelName: string,
  cancelData: Buffer,
): () => Promise<void> {
  return async () => {
    if (!remove() || connection.ended) return;
    await connection.globalRequest(cancelName, cancelData);
  };
}

/** A blank stands in no path that begins with a slash and in no address, so that neither passes for the other. */
function keyOf(address: string, port: number): string {
  return `${address} ${port}`;
}

function refused(where: string): SshError {
  return new SshError(`the server refuses to listen on ${where}`, {
    code: 'request-refused',
    stage: 'channel',
    side: 'peer',
    remedy: 'Check AllowTcpForwarding and GatewayPorts there, and that the port is free.',
  });
}
