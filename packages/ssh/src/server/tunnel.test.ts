/** Tunnels through a whole client and server: who may have one, and which. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inMemory, isError, until } from '../client/live.test.kit.ts';
import { anyTunnelUnit, type PacketTunnel, tunOpenssh } from '../connection/index.ts';
import { allFeatures, fullPermissions, type Permissions } from '../trust/index.ts';
import type { ServerOptions, TunnelRequest } from './index.ts';

const packet = Buffer.alloc(20, 0x45);

/** A server that echoes packets, and remembers what it was asked. */
function echo(permissions: Permissions = fullPermissions) {
  const asked: TunnelRequest[] = [];
  const closed: TunnelRequest[] = [];
  const options: Partial<ServerOptions> = {
    authenticate: { publicKey: async () => permissions },
    tunnel: async (request) => {
      asked.push(request);
      return {
        start: (tunnel: PacketTunnel) => tunnel.onPacket((each) => void tunnel.send(each)),
        close: () => void closed.push(request),
      };
    },
  };
  return { asked, closed, options };
}

test('packets go to the server’s end and back; the end is closed once, with the tunnel', async (t) => {
  const { asked, closed, options } = echo();
  const { client } = await inMemory(t, options);
  const tunnel = await client.openTunnel({ unit: 7 });
  const frames = await client.openTunnel({ mode: 'ethernet' });
  const packets: Buffer[] = [];
  tunnel.onPacket((each) => void packets.push(each));
  for (let count = 0; count < 3; count++) tunnel.send(packet);
  await until('the packets came back', () => packets.length === 3);
  assert.ok(packets.every((each) => each.equals(packet)));
  assert.deepEqual(asked, [
    { mode: 'point-to-point', unit: 7 },
    { mode: 'ethernet', unit: undefined },
  ]);
  tunnel.close();
  assert.equal(await tunnel.closed, undefined);
  assert.deepEqual(closed, [asked[0]]);
  await client.close();
  assert.notEqual(await frames.closed, undefined);
  await until('the other end was closed', () => closed.length === 2);
});

test('a server without the hook has no tunnels, whatever is permitted', async (t) => {
  const { client } = await inMemory(t);
  await assert.rejects(client.openTunnel(), isError('channel-open-refused'));
});

test('refused without asking: a login that may not, a mode that is none, a device that is not the key’s', async (t) => {
  for (const permissions of [
    { ...fullPermissions, allow: { ...allFeatures(true), tunnel: false } },
    { ...fullPermissions, tunnelDevice: 3 },
  ]) {
    const { asked, options } = echo(permissions);
    const { client } = await inMemory(t, options);
    await assert.rejects(client.openTunnel({ unit: 4 }), isError('channel-open-refused'));
    for (const mode of [0, 3, 0xffff_ffff]) {
      const data = tunOpenssh.data.encode({ mode, unit: anyTunnelUnit });
      await assert.rejects(client.connection.openChannel(tunOpenssh.name, data), isError('channel-open-refused'));
    }
    assert.deepEqual(asked, []);
  }
});

test('who asks for any device gets the key’s', async (t) => {
  const { asked, options } = echo({ ...fullPermissions, tunnelDevice: 3 });
  const { client } = await inMemory(t, options);
  await client.openTunnel();
  await client.openTunnel({ unit: 3 });
  assert.deepEqual(
    asked.map(({ unit }) => unit),
    [3, 3],
  );
});

test('a hook that says no, or fails, refuses the tunnel and nothing else', async (t) => {
  const answers = [async () => undefined, async () => Promise.reject(new Error('no such device'))];
  const { client } = await inMemory(t, { tunnel: () => (answers.shift() ?? answers[0])?.() as Promise<undefined> });
  await assert.rejects(client.openTunnel(), /not allowed/);
  await assert.rejects(client.openTunnel(), /connect failed.*Tunnel device open failed: no such device/);
  assert.equal(client.connection.ended, undefined);
});

test('a device that is ready after its connection has ended is closed', async (t) => {
  let isClosed = false;
  let ready: () => void = () => {};
  const waiting = new Promise<void>((resolve) => {
    ready = resolve;
  });
  let isAsked = false;
  let isGone = false;
  const { client } = await inMemory(t, {
    onDisconnect: () => {
      isGone = true;
    },
    tunnel: async () => {
      isAsked = true;
      await waiting;
      const close = () => {
        isClosed = true;
      };
      return { start: () => assert.fail('there is no tunnel'), close };
    },
  });
  const opening = client.openTunnel();
  await until('the server was asked', () => isAsked);
  await Promise.all([client.close(), assert.rejects(opening)]);
  await until('the server has noticed', () => isGone);
  ready();
  await until('the device was closed', () => isClosed);
});
