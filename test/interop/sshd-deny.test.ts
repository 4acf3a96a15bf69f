/** Everything a client may ask of bin/sshd, computed from the tables, under each keyword and each option of a key that denies. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { type ClientConnection, connect, pinnedHostKeys } from '@nacre/ssh/client';
import {
  allFeatures,
  anyTunnelUnit,
  channelRequests,
  channelTypes,
  directTcpip,
  type FeatureRow,
  globalRequests,
  streamlocalForwardOpenssh,
  tcpipForward,
  tunnelModes,
  tunOpenssh,
} from '@nacre/ssh/connection';
import { parsePublicKey } from '@nacre/ssh/keys';
import { makeFolder, makeKey, missing, startNacreServer, type TestServer } from '../harness/index.ts';
import { startEcho } from './_forwarding.ts';
import { withSsh } from './_sshd.ts';

const folder = makeFolder('deny');
const echoPath = join(folder, 'echo');
let echoPort = 0;
before(async () => {
  echoPort = await startEcho(0);
  await startEcho(echoPath);
});

const u32 = (value: number) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 0xff));
const text = (value: string) => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);
const origin = { originatorAddress: '127.0.0.1', originatorPort: 1 };
let sockets = 0;

/** What a client sends of each row that needs a permission. What servers send is refused to every client. */
const bodies: Readonly<Record<string, () => Buffer>> = {
  'direct-tcpip': () => directTcpip.data.encode({ host: '127.0.0.1', port: echoPort, ...origin }),
  'direct-streamlocal@openssh.com': () => Buffer.concat([text(echoPath), text(''), u32(0)]),
  'tun@openssh.com': () => tunOpenssh.data.encode({ mode: tunnelModes['point-to-point'], unit: anyTunnelUnit }),
  'tcpip-forward': () => tcpipForward.data.encode({ address: 'localhost', port: 0 }),
  'cancel-tcpip-forward': () => tcpipForward.data.encode({ address: 'localhost', port: 9 }),
  'streamlocal-forward@openssh.com': () =>
    streamlocalForwardOpenssh.data.encode({ socketPath: join(folder, `s${++sockets}`) }),
  'cancel-streamlocal-forward@openssh.com': () => text('/no/such/socket'),
  'pty-req': () => Buffer.concat([text('xterm'), u32(80), u32(24), u32(0), u32(0), text('\0')]),
  'x11-req': () => Buffer.concat([Buffer.of(0), text('MIT-MAGIC-COOKIE-1'), text('00'.repeat(16)), u32(0)]),
  'auth-agent-req@openssh.com': () => Buffer.alloc(0),
  'auth-agent-req': () => Buffer.alloc(0),
  'agent-req': () => Buffer.alloc(0),
  'forwarded-tcpip': () => Buffer.concat([text('x'), u32(1), text('y'), u32(2)]),
  'forwarded-streamlocal@openssh.com': () => Buffer.concat([text('/x'), text('')]),
  'auth-agent@openssh.com': () => Buffer.alloc(0),
  'agent-connect': () => Buffer.alloc(0),
  x11: () => Buffer.concat([text('127.0.0.1'), u32(1)]),
};

/** Those that a client may never have, or that name something that is not there. */
const neverGranted = (row: FeatureRow) => row.sentBy === 'server' || row.name.startsWith('cancel-');
const needing = (rows: readonly FeatureRow[]) => rows.filter(({ feature }) => feature !== undefined);
const everything = [...channelTypes, ...globalRequests, ...channelRequests];

async function isGranted(client: ClientConnection, row: FeatureRow): Promise<boolean> {
  const body = bodies[row.name];
  assert.ok(body !== undefined, `nothing here sends ${row.name}: add it`);
  try {
    if (globalRequests.includes(row)) return (await client.connection.globalRequest(row.name, body())) !== undefined;
    const isChannel = channelTypes.includes(row);
    const channel = await client.connection.openChannel(
      isChannel ? row.name : 'session',
      isChannel ? body() : Buffer.alloc(0),
    );
    const granted = isChannel || (await channel.request(row.name, body()));
    channel.close();
    return granted;
  } catch (error) {
    assert.match(String((error as { code?: string }).code), /channel-open-refused|request-refused/, String(error));
    return false;
  }
}

async function grantedBy(t: TestContext, server: TestServer): Promise<string[]> {
  const client = await connect(`${server.user}@127.0.0.1:${server.port}`, {
    hostKeys: pinnedHostKeys(...server.hostKeys.map(({ publicLine }) => parsePublicKey(publicLine).key)),
    identities: [server.identity.file],
  });
  t.after(() => client.close());
  const granted: string[] = [];
  for (const row of needing(everything)) if (await isGranted(client, row)) granted.push(row.name);
  return granted.sort();
}

const direct = ['direct-tcpip', 'direct-streamlocal@openssh.com'];
const listening = ['tcpip-forward', 'streamlocal-forward@openssh.com'];
const agent = needing(channelRequests).flatMap(({ name, feature }) => (feature === 'agent-forwarding' ? [name] : []));
/** All that can be had at all, by what they need: a row added to a table later is in it. */
const all = needing(everything).filter((row) => !neverGranted(row));
const named = (...features: readonly string[]) =>
  all.flatMap(({ name, feature }) => (features.includes(feature ?? '') ? [name] : []));
const forwards = named(...[...allFeatures].filter((feature) => feature !== 'pty'));

const denials: readonly (readonly [config: string, keyOptions: string, stopped: readonly string[]])[] = [
  ['', '', []],
  ['DisableForwarding yes', '', forwards],
  ['AllowTcpForwarding no', '', ['direct-tcpip', ...listening]],
  ['AllowTcpForwarding local', '', listening],
  ['AllowTcpForwarding remote', '', ['direct-tcpip']],
  ['AllowStreamLocalForwarding no', '', named('streamlocal-forwarding')],
  ['AllowStreamLocalForwarding local', '', ['streamlocal-forward@openssh.com']],
  ['AllowStreamLocalForwarding remote', '', ['direct-streamlocal@openssh.com']],
  ['AllowAgentForwarding no', '', agent],
  ['X11Forwarding no', '', ['x11-req']],
  ['PermitTunnel no', '', ['tun@openssh.com']],
  ['PermitTunnel ethernet', '', ['tun@openssh.com']],
  ['PermitTTY no', '', ['pty-req']],
  ['PermitOpen none', '', direct],
  ['PermitListen none', '', listening],
  ['', 'restrict', named(...allFeatures)],
  ['', 'no-port-forwarding', [...direct, ...listening, 'tun@openssh.com']],
  ['', 'no-agent-forwarding', agent],
  ['', 'no-X11-forwarding', ['x11-req']],
  ['', 'no-pty', ['pty-req']],
];

test('whatever denies stops what it names, and nothing else', withSsh, async (t) => {
  const identity = await makeKey();
  // Tunnel devices are there for root, and not in every machine.
  const hasTunnels = process.getuid?.() === 0 && existsSync('/dev/net/tun');
  const hasDisplays = missing('xauth') === false;
  for (const [config, keyOptions, stopped] of denials) {
    await t.test(`${config} ${keyOptions}`.trim() || 'nothing denied', async (each) => {
      const server = await startNacreServer({
        hostKeyTypes: ['ed25519'],
        identity: false,
        authorizedKeys: [`${keyOptions} ${identity.publicLine}`.trim()],
        config: [...(config === '' ? [] : [config]), 'X11Forwarding yes', 'PermitTunnel yes'],
      });
      const granted = await grantedBy(each, { ...server, identity });
      const wanted = all
        .map(({ name }) => name)
        .filter((name) => !stopped.includes(name))
        .filter((name) => (hasTunnels || name !== 'tun@openssh.com') && (hasDisplays || name !== 'x11-req'));
      assert.deepEqual(granted, wanted.sort());
    });
  }
});
