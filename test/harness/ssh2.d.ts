/** The part of ssh2 that the harness uses; the package comes without types. */
declare module 'ssh2' {
  import type { EventEmitter } from 'node:events';
  import type { Server as NetServer } from 'node:net';
  import type { Duplex } from 'node:stream';

  export interface ServerChannel extends Duplex {
    stderr: Duplex;
    exit(status: number): void;
    exit(signal: string, coreDumped?: boolean, message?: string): void;
  }

  export interface AuthContext {
    method: string;
    username: string;
    password?: string;
    key?: { algo: string; data: Buffer };
    signature?: Buffer;
    blob?: Buffer;
    hashAlgo?: string;
    accept(): void;
    reject(methods?: readonly string[]): void;
  }

  export interface ParsedKey {
    type: string;
    getPublicSSH(): Buffer;
    verify(data: Buffer, signature: Buffer, algorithm?: string): boolean | Error;
  }

  export class Server extends EventEmitter {
    constructor(config: Record<string, unknown>, onConnection?: (client: EventEmitter) => void);
    listen(port: number, host: string, onListen?: () => void): this;
    address(): { port: number };
    close(onClose?: () => void): this;
    readonly _srv: NetServer;
  }

  export class Client extends EventEmitter {
    connect(config: Record<string, unknown>): this;
    exec(command: string, onChannel: (error: Error | undefined, channel: ServerChannel) => void): boolean;
    sftp(onSession: (error: Error | undefined, sftp: EventEmitter) => void): boolean;
    forwardOut(
      fromHost: string,
      fromPort: number,
      toHost: string,
      toPort: number,
      onChannel: (error: Error | undefined, channel: Duplex) => void,
    ): boolean;
    end(): this;
  }

  export const utils: { parseKey(text: string | Buffer): ParsedKey | Error };
  const everything: { Server: typeof Server; Client: typeof Client; utils: typeof utils };
  // biome-ignore lint/style/noDefaultExport: a CommonJS package.
  export default everything;
}
