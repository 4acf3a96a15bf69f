import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bulkQueueBytesBesideKeys, maxChannelPacketBytes, socketHighWaterBytes } from '../limits.ts';
import type { ConnectionLink } from '../transport/link.ts';
import { Outbox } from '../transport/outbox.ts';
import { Connection } from './connection.ts';
import { FakeClock } from './linked-pair.test.kit.ts';
import { channelOpenConfirmation } from './messages.ts';

/** The head of a packet, of its message and its padding. */
const overheadBytes = 64;
const bulkBytes = 8 * 2 ** 20;

const fail = (error: Error): never => {
  throw error;
};

/** A connection over a socket that takes bytes only when told to; the peer opens all channels with a window of 64 MiB. */
async function openStuck(isTyped: boolean) {
  let deferred: (() => void)[] = [];
  let queued: Buffer[] = [];
  let most = 0;
  const bytesQueued = () => queued.reduce((sum, { length }) => sum + length, 0);
  const outbox = new Outbox(
    {
      write: (chunks) => {
        queued.push(...chunks);
        most = Math.max(most, bytesQueued());
      },
      queuedBytes: bytesQueued,
      setReading() {},
      end() {},
      defer: (callback) => void deferred.push(callback),
    },
    { onReady: () => connection.onLinkReady(), onOverflow: fail, onFlushed() {} },
  );
  const link: ConnectionLink = {
    role: 'client',
    peerIdentification: 'SSH-2.0-test',
    get ready() {
      return outbox.ready;
    },
    limitQueue: (byteCount = socketHighWaterBytes) => {
      outbox.highWaterBytes = byteCount;
    },
    send: (head, body) => outbox.send(head, body),
    ping: () => false,
    fail,
  };
  const connection = new Connection(link, { clock: new FakeClock() });
  const turn = () => {
    const due = deferred;
    deferred = [];
    for (const callback of due) callback();
    most = Math.max(most, outbox.writer.pendingBytes + bytesQueued());
  };
  const open = async (recipient: number, interactive: boolean) => {
    const opened = connection.openChannel('test', Buffer.alloc(0), { interactive });
    const [sender, windowBytes, maxPacketBytes, data] = [100 + recipient, 64 * 2 ** 20, 2 ** 20, Buffer.alloc(0)];
    connection.receive(channelOpenConfirmation.encode({ recipient, sender, windowBytes, maxPacketBytes, data }));
    return opened;
  };
  const bulk = await open(0, false);
  const keys = await open(1, isTyped);
  turn();
  queued = [];
  /** The socket takes everything. @returns the recipients of the channel data that it took. */
  const drain = () => {
    const taken = queued.flatMap((packet) => (packet[5] === 94 ? [packet.readUInt32BE(6)] : []));
    queued = [];
    outbox.onDrain();
    return taken;
  };
  return { bulk, keys, turn, drain, most: () => most, queued: bytesQueued };
}

for (const [isTyped, limit] of [
  [false, socketHighWaterBytes],
  [true, bulkQueueBytesBesideKeys],
] as const) {
  test(`bulk queues ${limit} bytes and a packet towards the socket at most, ${isTyped ? 'beside keys' : 'alone'}`, async () => {
    const { bulk, turn, drain, most } = await openStuck(isTyped);
    let isSent = false;
    bulk.write(Buffer.alloc(bulkBytes), 'data', () => {
      isSent = true;
    });
    for (let rounds = 0; !isSent; rounds++) {
      assert.ok(rounds < bulkBytes / 1024, 'it never comes to an end');
      for (let i = 0; i < 5; i++) turn();
      drain();
    }
    assert.ok(most() >= limit, `${most()} bytes at most, which fills nothing`);
    assert.ok(most() < limit + maxChannelPacketBytes + overheadBytes, `${most()} bytes at most`);
  });
}

test('a key goes before all bulk that is not queued towards the socket yet', async () => {
  const { bulk, keys, turn, drain, queued } = await openStuck(true);
  bulk.write(Buffer.alloc(bulkBytes));
  turn();
  assert.ok(queued() > 0);
  keys.write(Buffer.from('k'));
  turn();
  assert.ok(!drain().includes(101), 'the socket was full');
  turn();
  assert.equal(drain()[0], 101);
});
