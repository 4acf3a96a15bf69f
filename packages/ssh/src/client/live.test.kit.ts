/** A server and a client for tests: joined in memory or over TCP on 127.0.0.1, closed when the test ends. */
import { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { SshError, type SshErrorCode } from '../errors.ts';
import { generateKey } from '../keys/index.ts';
import { createServer, type ServerConnection, type ServerOptions, type SshServer } from '../server/index.ts';
import type { ClientConnection } from './client-connection.ts';
import { connect } from './connect.ts';
import { pinnedHostKeys } from './host-key-policy.ts';
import type { ConnectOptions } from './options.ts';

export const hostKey = await generateKey('ssh-ed25519');
export const otherKey = await generateKey('ssh-ed25519');
export const userKey = await generateKey('ssh-ed25519');

/** Options of a client that trusts the test server and logs in with the test user's key. */
export const clientOptions = {
  hostKeys: pinnedHostKeys(hostKey.publicKey),
  identities: [userKey],
} as const satisfies ConnectOptions;

/** A server that lets the test user's key in. */
export function startServer(options: Partial<ServerOptions> = {}): SshServer {
  return createServer({
    hostKeys: [hostKey],
    authenticate: { publicKey: async ({ key }) => key.equals(userKey.publicKey) },
    exec: async (command, { stdout }) => void stdout.write(`ran ${command}`),
    ...options,
  });
}

export interface Live {
  readonly server: SshServer;
  readonly port: number;
  /** Another connection to the same server. */
  readonly connect: (options?: Partial<ConnectOptions>) => Promise<ClientConnection>;
}

/** A server that listens on 127.0.0.1. */
export async function listening(t: TestContext, options: Partial<ServerOptions> = {}): Promise<Live> {
  const server = startServer(options);
  t.after(() => server.close());
  const { port } = await server.listen(0);
  const opened: ClientConnection[] = [];
  t.after(() => Promise.all(opened.map((connection) => connection.close())));
  return {
    server,
    port,
    connect: async (more = {}) => {
      const connection = await connect(`ada@127.0.0.1:${port}`, { ...clientOptions, ...more });
      opened.push(connection);
      return connection;
    },
  };
}

/** A client and its server's side of the connection, in memory. */
export async function inMemory(
  t: TestContext,
  options: Partial<ServerOptions> = {},
  more: Partial<ConnectOptions> = {},
): Promise<{ client: ClientConnection; served: ServerConnection; server: SshServer; pair: [Duplex, Duplex] }> {
  const server = startServer(options);
  t.after(() => server.close());
  // The library's own timers keep no process alive, sockets do; and here is none.
  const alive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(alive));
  const pair = duplexPair();
  const serving = server.handle(pair[1], { address: '192.0.2.7' });
  const client = await connect('ada@memory', { ...clientOptions, ...more, stream: pair[0] });
  t.after(() => client.close());
  const served = await serving;
  if (served === undefined) throw new Error('the server let nobody in');
  return { client, served, server, pair };
}

/** Two ends of one line in memory: what is written to one is read at the other, in a later turn. */
export function duplexPair(): [Duplex, Duplex] {
  const ends: [Duplex, Duplex] = [makeEnd(() => ends[1]), makeEnd(() => ends[0])];
  return ends;
}

function makeEnd(other: () => Duplex): Duplex {
  return new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      // A copy, as a network makes one: the writer may use its buffer again.
      const copy = Buffer.from(chunk);
      setImmediate(() => {
        if (!other().destroyed) other().push(copy);
        done();
      });
    },
    final(done) {
      setImmediate(() => {
        if (!other().destroyed) other().push(null);
        done();
      });
    },
    destroy(error, done) {
      setImmediate(() => {
        if (!other().destroyed && !other().readableEnded) other().push(null);
      });
      done(error);
    },
  });
}

/** For `assert.rejects`: an SshError of this code (and stage). */
export function isError(code: SshErrorCode, stage?: string): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof SshError)) throw new Error(`expected an SshError, got ${String(error)}`, { cause: error });
    if (error.code !== code || (stage !== undefined && error.stage !== stage)) {
      throw new Error(`expected ${code} in ${stage ?? 'any stage'}, got ${error.code} in ${error.stage}`, {
        cause: error,
      });
    }
    return true;
  };
}

/** Waits until something holds; fails after two seconds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let round = 0; round < 400; round++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`this did not come true: ${what}`);
}
