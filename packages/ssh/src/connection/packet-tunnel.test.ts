import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxTunnelQueueBytes } from '../limits.ts';
import type { Channel } from './channel.ts';
import { tunOpenssh } from './channels/tun-openssh.ts';
import { linkedPair, type Pair, pattern, receive } from './linked-pair.test.kit.ts';
import * as messages from './messages.ts';
import { PacketTunnel } from './packet-tunnel.ts';

const openSsh = 'SSH-2.0-OpenSSH_9.2p1';

interface Ends extends Pair {
  local: PacketTunnel;
  remote: PacketTunnel;
  /** The sending channel. */
  channel: Channel;
  packets: Buffer[];
}

async function openPair(mode: 'ethernet' | 'point-to-point' = 'ethernet', windowBytes = 2 ** 21): Promise<Ends> {
  const accepted: PacketTunnel[] = [];
  const pair = linkedPair({
    server: {
      channelHandlers: new Map([
        [tunOpenssh.name, (open) => void accepted.push(new PacketTunnel(open.accept({ windowBytes }), mode))],
      ]),
    },
  });
  const opening = pair.client.openChannel(tunOpenssh.name, tunOpenssh.data.encode({ mode: 2, unit: 1 }));
  pair.deliver();
  const channel = await opening;
  const remote = accepted[0] as PacketTunnel;
  const packets: Buffer[] = [];
  remote.onPacket((packet) => void packets.push(packet));
  return { ...pair, local: new PacketTunnel(channel, mode), remote, channel, packets };
}

/** A client's channel whose peer granted exactly this. */
async function openTowards(windowBytes: number, maxPacketBytes: number, peerIdentification = 'SSH-2.0-x') {
  const pair = linkedPair();
  pair.clientLink.peerIdentification = peerIdentification;
  const opening = pair.client.openChannel(tunOpenssh.name, Buffer.alloc(0));
  const granted = { recipient: 0, sender: 5, windowBytes, maxPacketBytes, data: Buffer.alloc(0) };
  pair.client.receive(messages.channelOpenConfirmation.encode(granted));
  const channel = await opening;
  pair.clientLink.outbox.length = 0;
  const sizes = () => pair.clientLink.outbox.map((payload) => messages.readData(payload).length);
  const adjust = (byteCount: number) => {
    const message = Buffer.alloc(messages.windowAdjustBytes);
    messages.writeWindowAdjust(message, 0, byteCount);
    receive(pair.client, pair.clientLink, message);
  };
  return { ...pair, channel, tunnel: new PacketTunnel(channel, 'ethernet'), sizes, adjust };
}

test('each packet is a message of its own: small ones are not joined, whatever waits behind them', async () => {
  const { local, clientLink, serverLink, packets, client, server } = await openPair();
  clientLink.ready = false;
  const sent = [20, 14, 1500, 300, 9000, 14].map((size, seed) => pattern(size, seed));
  for (const packet of sent) assert.equal(local.send(packet), true);
  assert.equal(clientLink.outbox.length, 0);
  clientLink.ready = true;
  client.onLinkReady();
  assert.deepEqual(
    clientLink.outbox.map((payload) => messages.readData(payload)),
    sent,
  );
  for (const payload of clientLink.outbox.splice(0)) receive(server, serverLink, payload);
  assert.deepEqual(packets, sent);
});

test('a packet is sent whole or not at all: one over the peer’s maximum is dropped, the next one goes', async () => {
  const { tunnel, sizes, channel } = await openTowards(100_000, 1000);
  for (const size of [1000, 1001, 20, 40_000, 999]) tunnel.send(Buffer.alloc(size));
  assert.deepEqual(sizes(), [1000, 20, 999]);
  assert.equal(channel.sendCredit, 100_000 - 2019);
  assert.equal(channel.queuedBytes, 0);
});

test('packets wait for the window, in order; one that may never fit does not hold up the others', async () => {
  const { tunnel, sizes, adjust, channel } = await openTowards(3000, 32_768);
  for (const size of [1400, 1400, 1400, 100]) tunnel.send(Buffer.alloc(size));
  assert.deepEqual(sizes(), [1400, 1400]);
  assert.equal(channel.queuedBytes, 1500);
  adjust(1199);
  assert.deepEqual(sizes(), [1400, 1400]);
  adjust(1);
  assert.deepEqual(sizes(), [1400, 1400, 1400]);
  adjust(3000);
  assert.deepEqual(sizes(), [1400, 1400, 1400, 100]);
  adjust(100 - 3000 + 2900);
  tunnel.send(Buffer.alloc(2500));
  tunnel.send(Buffer.alloc(2000));
  tunnel.send(Buffer.alloc(300));
  assert.deepEqual(sizes().slice(4), [2500, 300], 'the second one had no room, and was more than half a window');
});

test('a packet costs OpenSSH four bytes of its window more than it has', async () => {
  const { tunnel, channel } = await openTowards(2 ** 20, 32_768, openSsh);
  for (let count = 0; count < 100; count++) tunnel.send(Buffer.alloc(60));
  assert.equal(channel.sendCredit, 2 ** 20 - 100 * 64);
  const other = await openTowards(2 ** 20, 32_768);
  for (let count = 0; count < 100; count++) other.tunnel.send(Buffer.alloc(60));
  assert.equal(other.channel.sendCredit, 2 ** 20 - 100 * 60);
});

test('a window that grows by more than was sent is full in the end, and ends no tunnel; an ordinary channel’s ends', async () => {
  const { tunnel, channel, clientLink, adjust } = await openTowards(2 ** 32 - 100, 32_768);
  tunnel.send(Buffer.alloc(60));
  adjust(64);
  adjust(2 ** 31);
  assert.equal(clientLink.failure, undefined);
  assert.equal(channel.sendCredit, 2 ** 32 - 1);
  const ordinary = await openTowards(2 ** 32 - 100, 32_768);
  ordinary.channel.write(Buffer.alloc(60));
  ordinary.adjust(200);
  assert.equal(ordinary.clientLink.failure?.code, 'protocol-error');
});

test('beyond what may wait packets are dropped and counted, until the queue has drained', async () => {
  const { tunnel, channel, client, clientLink, sizes } = await openTowards(2 ** 24, 32_768);
  let drained = 0;
  tunnel.onDrain = () => drained++;
  clientLink.ready = false;
  let taken = 1;
  while (tunnel.send(Buffer.alloc(1400))) taken++;
  assert.equal(taken, Math.ceil(maxTunnelQueueBytes / 1400));
  for (let count = 0; count < 10; count++) assert.equal(tunnel.send(Buffer.alloc(1400)), false);
  assert.equal(tunnel.droppedPackets, 10);
  assert.equal(channel.queuedBytes, taken * 1400);
  assert.equal(drained, 0);
  clientLink.ready = true;
  client.onLinkReady();
  assert.equal(drained, 1);
  assert.equal(sizes().length, taken);
  assert.equal(tunnel.send(Buffer.alloc(1400)), true);
});

test('what is no packet is dropped at both ends, and the tunnel goes on', async () => {
  const { local, remote, packets, channel, deliver } = await openPair('point-to-point');
  assert.equal(local.send(Buffer.alloc(30)), true);
  assert.equal(local.droppedPackets, 1);
  const packet = Buffer.alloc(20);
  packet[0] = 0x45;
  for (const hostile of [Buffer.alloc(1), Buffer.alloc(3), Buffer.alloc(4), Buffer.alloc(32_768, 0x45)]) {
    channel.write(hostile, 'datagram');
  }
  local.send(packet);
  deliver();
  assert.deepEqual(packets, [packet]);
  assert.equal(remote.droppedPackets, 4);
});

test('dropped packets give the window back as well', async () => {
  const { channel, deliver, packets } = await openPair('point-to-point', 65_536);
  for (let round = 0; round < 50; round++) {
    channel.write(Buffer.alloc(20_000), 'datagram');
    deliver();
    deliver();
  }
  assert.deepEqual(packets, []);
  assert.ok(channel.sendCredit > 20_000, `${channel.sendCredit}`);
});

test('closing: packets that wait go first, the other end is told, nothing is sent afterwards', async () => {
  const { local, remote, packets, settle, clientLink } = await openPair();
  local.send(Buffer.alloc(60));
  local.close();
  assert.equal(local.send(Buffer.alloc(60)), false);
  await settle();
  assert.equal(packets.length, 1);
  assert.equal(await local.closed, undefined);
  assert.equal(await remote.closed, undefined);
  assert.equal(remote.send(Buffer.alloc(60)), false);
  assert.equal(clientLink.failure, undefined);
});
