/** Displays of several clients over one connection: each program over there reaches the screen whose cookie it has. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type Channel,
  ChannelStream,
  type Connection,
  type IncomingOpen,
  openSession,
  x11Req,
} from '../connection/index.ts';
import type { SshError } from '../errors.ts';
import { type SharedWorld, sharedWorld } from './mux.test.kit.ts';

const protocol = 'MIT-MAGIC-COOKIE-1';
const cookieOf = (who: number) => Buffer.alloc(16, who);

/** Somebody with a screen, which says who it is when it has read a setup, and gives back the rest. */
interface Screen {
  readonly connection: Connection;
  readonly heard: Buffer[];
}

function screenHandlers(heard: Buffer[], name: string, windowBytes?: number) {
  const accept = (open: IncomingOpen): void => {
    const stream = new ChannelStream(open.accept(windowBytes === undefined ? {} : { windowBytes }));
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => void heard.push(chunk));
    stream.on('end', () => stream.end());
    stream.write(name);
  };
  return { channelHandlers: new Map([['x11', accept]]) };
}

async function makeWorld(t: TestContext): Promise<{ world: SharedWorld; screens: readonly Screen[] }> {
  const server = {
    channelHandlers: new Map([['session', (open: IncomingOpen) => void new ChannelStream(open.accept()).resume()]]),
  };
  const [own, one, two]: Buffer[][] = [[], [], []];
  const world = sharedWorld(t, server, screenHandlers(own as Buffer[], 'own'));
  const through = [
    await world.through({}, screenHandlers(one as Buffer[], 'one')),
    await world.through({}, screenHandlers(two as Buffer[], 'two')),
  ];
  const connections = [world.pair.client, ...through.map(({ connection }) => connection)];
  const screens = [own, one, two].map((heard, at) => ({ connection: connections[at], heard }) as Screen);
  for (const [who, { connection }] of screens.entries()) await offer(world, connection, cookieOf(who));
  world.pair.client.relayed.displays.offer('own', protocol, cookieOf(0));
  return { world, screens };
}

async function offer(world: SharedWorld, connection: Connection, cookie: Buffer): Promise<void> {
  const opening = openSession(connection, {});
  await world.settle();
  const data = { singleConnection: false, authProtocol: protocol, authCookie: cookie.toString('hex'), screen: 0 };
  const asked = (await opening).channel.request(x11Req.name, x11Req.data.encode(data));
  asked.catch(() => {});
  await world.settle();
}

async function openDisplay(world: SharedWorld): Promise<{ channel: Channel; said: Buffer[]; stream: ChannelStream }> {
  const opening = world.pair.server.openChannel('x11', Buffer.from('0000000076000000', 'hex').subarray(0, 8));
  await world.settle();
  const channel = await opening;
  const stream = new ChannelStream(channel);
  const said: Buffer[] = [];
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => void said.push(chunk));
  return { channel, said, stream };
}

function setup(cookie: Buffer, isBig: boolean, name = protocol): Buffer {
  const head = Buffer.alloc(12);
  head[0] = isBig ? 0x42 : 0x6c;
  const write = (value: number, at: number) => (isBig ? head.writeUInt16BE(value, at) : head.writeUInt16LE(value, at));
  write(name.length, 6);
  write(cookie.length, 8);
  const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  return Buffer.concat([head, padded(Buffer.from(name)), padded(cookie)]);
}

test('each cookie leads to its screen, in either byte order, however the bytes are cut, and much goes both ways', async (t) => {
  const { world, screens } = await makeWorld(t);
  for (const [who, name] of ['own', 'one', 'two'].entries()) {
    for (const isBig of [true, false]) {
      for (const cut of [1, 13, 60]) {
        const { said, stream } = await openDisplay(world);
        const message = Buffer.concat([setup(cookieOf(who), isBig), Buffer.from('and more')]);
        for (let at = 0; at < message.length; at += cut) {
          stream.write(message.subarray(at, at + cut));
          await world.settle();
        }
        const bulk = Buffer.alloc(300_000, who + 1);
        stream.end(bulk);
        await world.settle();
        const heard = Buffer.concat(screens[who]?.heard.splice(0) ?? []);
        assert.ok(heard.equals(Buffer.concat([message, bulk])), `${name} ${cut}: ${heard.length}`);
        assert.equal(String(Buffer.concat(said)), name);
        for (const { heard: others } of screens) assert.equal(others.length, 0);
      }
    }
  }
  await world.settle();
  assert.deepEqual(world.pair.client.relayed.ids.length, 2, 'of the relayed channels the two sessions are left');
});

test('a cookie that nobody gave, what is no X11 at all, and a program that says nothing: closed, and nobody is told', async (t) => {
  const { world, screens } = await makeWorld(t);
  const wrong = [
    setup(cookieOf(9), true),
    setup(cookieOf(1).subarray(0, 15), true),
    setup(cookieOf(1), false, 'XDM-AUTHORIZATION-1'),
    setup(Buffer.alloc(2000), true).subarray(0, 100),
    Buffer.from('GET / HTTP/1.0\r\n\r\n'),
  ];
  for (const message of wrong) {
    const { channel, said, stream } = await openDisplay(world);
    stream.write(message);
    await world.settle();
    assert.equal(channel.state, 'closed', message.toString('latin1'));
    assert.equal(said.length, 0);
  }
  const silent = await openDisplay(world);
  silent.stream.end();
  await world.settle();
  assert.equal(silent.channel.state, 'closed');
  for (const { heard } of screens) assert.equal(heard.length, 0);
  assert.equal(world.pair.client.relayed.ids.length, 2);
});

test('a client that has gone gets nothing; with one left nothing is read in its place', async (t) => {
  const { world, screens } = await makeWorld(t);
  const two = screens[2]?.connection.link;
  const pending = await openDisplay(world);
  two?.fail(new Error('gone') as SshError);
  await world.settle();
  pending.stream.write(setup(cookieOf(2), true));
  await world.settle();
  assert.equal(pending.channel.state, 'closed');
  const still = await openDisplay(world);
  still.stream.write(setup(cookieOf(1), true));
  await world.settle();
  assert.equal(String(Buffer.concat(still.said)), 'one');
});

test('a server that sends more than it may before the cookie is there is cut off', async (t) => {
  const { world } = await makeWorld(t);
  const { channel } = await openDisplay(world);
  const data = Buffer.concat([Buffer.from([94, 0, 0, 0, 0, 0, 0, 4, 0]), Buffer.alloc(1024)]);
  data.writeUInt32BE(channel.remoteId, 1);
  assert.throws(() => world.pair.client.receive(data), /more came on channel \d+ than its window allows/);
});

test('a client that takes less than was promised is cut off, and its channel closed', async (t) => {
  const { world } = await makeWorld(t);
  const heard: Buffer[] = [];
  const { connection, mux } = await world.through({}, screenHandlers(heard, 'small', 100));
  await offer(world, connection, cookieOf(7));
  const { channel, stream } = await openDisplay(world);
  stream.write(setup(cookieOf(7), true));
  await world.settle();
  assert.match(String(mux.endings[0]), /a channel for a display takes packets of/);
  assert.equal(channel.state, 'closed');
});
