/** The Unix sockets a client has us listen on (OpenSSH PROTOCOL §2.4); they close with its connection. */
import type { Duplex } from 'node:stream';
import {
  ChannelStream,
  cancelStreamlocalForwardOpenssh,
  forwardedStreamlocalOpenssh,
  type IncomingRequest,
  streamlocalForwardOpenssh,
} from '../connection/index.ts';
import { join } from '../io/index.ts';
import type { ChannelSettings, Closable } from './options.ts';
import type { ServerConnection } from './server-connection.ts';

export class SocketListeners {
  readonly #listening = new Map<string, Closable>();
  #isClosed = false;

  async open(request: IncomingRequest, connection: ServerConnection, options: ChannelSettings): Promise<boolean> {
    const { socketPath: path } = streamlocalForwardOpenssh.data.decode(request.data);
    if (options.listenUnix === undefined || !mayListenOnSockets(connection)) return false;
    if (path === '' || path.includes('\0') || this.#listening.has(path)) return false;
    const onConnection = (stream: Duplex) => void this.#forward(stream, path, connection);
    const listening = await options.listenUnix({ path, onConnection }, connection);
    if (listening === undefined) return false;
    if (this.#isClosed) {
      listening.close();
      return false;
    }
    this.#listening.set(path, listening);
    return true;
  }

  cancel(request: IncomingRequest): boolean {
    const { socketPath } = cancelStreamlocalForwardOpenssh.data.decode(request.data);
    this.#listening.get(socketPath)?.close();
    return this.#listening.delete(socketPath);
  }

  close(): void {
    this.#isClosed = true;
    for (const listening of this.#listening.values()) listening.close();
    this.#listening.clear();
  }

  async #forward(stream: Duplex, socketPath: string, connection: ServerConnection): Promise<void> {
    stream.on('error', () => {});
    const data = forwardedStreamlocalOpenssh.data.encode({ socketPath, reserved: Buffer.alloc(0) });
    try {
      const subject = { kind: 'tunnel', destination: `client, from ${socketPath}` } as const;
      const channel = await connection.connection.openChannel(forwardedStreamlocalOpenssh.name, data, { subject });
      join(new ChannelStream(channel), stream);
    } catch {
      // The client does not want it: whoever connected sees a closed connection.
      stream.destroy();
    }
  }
}

/** A list of permitted addresses names hosts and ports: a socket is on none of them. */
function mayListenOnSockets({ permissions }: ServerConnection): boolean {
  return permissions.allow['port-forwarding'] && permissions.permitListen.length === 0;
}
