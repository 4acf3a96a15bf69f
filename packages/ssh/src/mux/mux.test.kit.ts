/** A shared connection in memory: a server, the master's connection to it, and clients at the master's control socket. */
import type { TestContext } from 'node:test';
import type { ConnectionOptions } from '../connection/connection-options.ts';
import { Connection } from '../connection/index.ts';
import { FakeClock, linkedPair, type Pair } from '../connection/linked-pair.test.kit.ts';
import type { SshError } from '../errors.ts';
import type { ByteSink } from '../transport/options.ts';
import { MuxClientSession } from './client-session.ts';
import { type MuxMasterHandlers, MuxMasterSession } from './master-session.ts';

/** Hands what is written to the other end in a later turn. */
export class MemorySink implements ByteSink {
  readonly chunks: Buffer[] = [];
  other: { receive(chunk: Buffer): void; receiveEnd(): void } | undefined;
  onDrain: () => void = () => {};
  isEnded = false;
  isReading = true;

  write(chunks: Buffer[]): void {
    this.chunks.push(...chunks.map((chunk) => Buffer.from(chunk)));
  }

  queuedBytes(): number {
    return this.chunks.reduce((bytes, chunk) => bytes + chunk.length, 0);
  }

  setReading(reading: boolean): void {
    this.isReading = reading;
  }

  end(): void {
    this.isEnded = true;
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  /** Whether anything was there to deliver. What has nobody at the other end is kept, for a test to look at. */
  deliver(): boolean {
    if (this.other === undefined) return false;
    const chunks = this.chunks.splice(0);
    for (const chunk of chunks) this.other.receive(chunk);
    if (chunks.length > 0) this.onDrain();
    if (this.isEnded) {
      this.other.receiveEnd();
      this.other = undefined;
    }
    return chunks.length > 0;
  }
}

export interface MuxPair {
  readonly client: MuxClientSession;
  readonly master: MuxMasterSession;
  readonly toMaster: MemorySink;
  readonly toClient: MemorySink;
  readonly endings: (SshError | undefined)[];
}

export interface SharedWorld {
  readonly pair: Pair;
  join(handlers?: Partial<MuxMasterHandlers>): MuxPair;
  /** A connection through the master. */
  through(
    handlers?: Partial<MuxMasterHandlers>,
    client?: Partial<ConnectionOptions>,
  ): Promise<{ connection: Connection; mux: MuxPair }>;
  settle(): Promise<void>;
}

export function sharedWorld(
  _t: TestContext,
  server: Partial<ConnectionOptions> = {},
  client: Partial<ConnectionOptions> = {},
): SharedWorld {
  const pair = linkedPair({ server, client });
  const pairs: MuxPair[] = [];
  const world: SharedWorld = {
    pair,
    join(handlers = {}) {
      const [toMaster, toClient] = [new MemorySink(), new MemorySink()];
      const endings: (SshError | undefined)[] = [];
      const master = new MuxMasterSession(toClient, {
        connection: pair.client,
        pid: 4711,
        openForward: async () => undefined,
        closeForward: async () => {},
        terminate() {},
        stopListening() {},
        describe: (subject) => `about the ${subject}`,
        ended: (error) => void endings.push(error),
        ...handlers,
      });
      const client = new MuxClientSession(toMaster, new FakeClock());
      toMaster.other = master;
      toMaster.onDrain = () => client.onDrain();
      toClient.onDrain = () => master.onDrain();
      toClient.other = client;
      const mux = { client, master, toMaster, toClient, endings };
      pairs.push(mux);
      return mux;
    },
    async through(handlers, options = {}) {
      const mux = world.join(handlers);
      const starting = mux.client.startProxy();
      await world.settle();
      const link = await starting;
      const connection = new Connection(link, { clock: new FakeClock(), ...options });
      link.attach(connection);
      return { connection, mux };
    },
    async settle() {
      for (let idle = 0; idle < 4; idle++) {
        for (const { toMaster, toClient } of pairs) {
          const moved = [toMaster.deliver(), toClient.deliver()];
          if (moved.includes(true)) idle = 0;
        }
        await pair.settle();
      }
    },
  };
  return world;
}
