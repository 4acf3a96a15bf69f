/** The way to a host: which hosts it leads over, what ends it, and what never reaches a shell. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { resolveClientConfig } from '../../config/index.ts';
import { nodeConfigSystem } from '../config-system.ts';
import { isError } from '../live.test.kit.ts';
import { parseJumpHosts } from './jump-hosts.ts';
import { jumpHostsOf, openWay, proxyCommandOf, type Station } from './way.ts';

const system = nodeConfigSystem({ home: '/home/alice', localUser: 'alice', readFile: (path) => files[path] });
const files: Record<string, string> = {};

function settle(host: string, text: string) {
  files['/config'] = text;
  return resolveClientConfig({ host, configFile: '/config' }, system);
}

interface Journey {
  readonly steps: string[];
  /** A host that lets nobody in. */
  readonly refuses?: string;
  /** A host that somebody is connected to already. */
  readonly shares?: string;
}

async function stationFor(host: string, text: string, journey: Journey): Promise<Station> {
  const config = await settle(host, text);
  const connection = {
    forwardTcp: async (to: string, port: number) => {
      journey.steps.push(`${host} to ${to}:${port}`);
      return new PassThrough();
    },
    close: async () => void journey.steps.push(`${host} closed`),
  };
  return {
    config,
    readStation: async (jump, over) =>
      stationFor(jump.host, over === undefined ? text : `Host ${jump.host}\n ProxyJump ${over}\n${text}`, journey),
    share: async () => (host === journey.shares ? connection : undefined),
    connect: async (stream) => {
      if (host === journey.refuses) throw new Error(`${host} lets nobody in`);
      journey.steps.push(`${host} ${stream === undefined ? 'straight' : 'through'}`);
      return connection;
    },
  };
}

test('straight; over several hosts, each by its own settings; closed from the far end', async () => {
  const steps: string[] = [];
  const text = 'Host end\n Port 2200\n ProxyJump a,b\nHost b\n Hostname b.example\n Port 23\nHost a\n ProxyJump first';
  assert.equal((await openWay(await stationFor('first', text, { steps }))).stream, undefined);
  const way = await openWay(await stationFor('end', text, { steps }));
  assert.ok(way.stream);
  await way.close();
  assert.deepEqual(steps, [
    'first straight',
    'first to a:22',
    'a through',
    'a to b.example:23',
    'b through',
    'b to end:2200',
    'b closed',
    'a closed',
    'first closed',
  ]);
});

test('a host that is connected already: nobody in front of it is', async () => {
  const steps: string[] = [];
  const way = await openWay(await stationFor('end', 'Host end\n ProxyJump a,b,c', { steps, shares: 'b' }));
  await way.close();
  assert.deepEqual(steps, ['b to c:22', 'c through', 'c to end:22', 'c closed', 'b closed']);
});

test('a host on the way that cannot be reached: what stands is closed', async () => {
  const steps: string[] = [];
  const station = await stationFor('end', 'Host end\n ProxyJump a,b', { steps, refuses: 'b' });
  await assert.rejects(openWay(station), /b lets nobody in/);
  assert.deepEqual(steps, ['a straight', 'a to b:22', 'a closed']);
});

test('jump hosts that lead to each other end, and nobody was connected to', async () => {
  const steps: string[] = [];
  const text = 'Host a\n ProxyJump b\nHost b\n ProxyJump a';
  await assert.rejects(openWay(await stationFor('a', text, { steps })), isError('limit-exceeded', 'config'));
  assert.equal(steps.length, 0);
  const many = Array.from({ length: 17 }, (_, at) => `h${at}`).join();
  const long = await stationFor('end', `Host end\n ProxyJump ${many}`, { steps });
  await assert.rejects(openWay(long), isError('limit-exceeded', 'config'));
  assert.equal(steps.length, 0);
});

test('of ProxyJump and ProxyCommand the first one said counts, none among them', async () => {
  const cases: readonly (readonly [text: string, jumps: number, command: string | undefined])[] = [
    ['ProxyJump a\nProxyCommand nc', 1, undefined],
    ['ProxyCommand nc\nProxyJump a', 0, 'nc'],
    ['ProxyJump none\nProxyCommand nc', 0, undefined],
    ['ProxyCommand none\nProxyJump a', 0, undefined],
    ['ProxyCommand NONE', 0, undefined],
  ];
  for (const [text, jumps, command] of cases) {
    const config = await settle('h', text);
    assert.deepEqual([jumpHostsOf(config).length, proxyCommandOf(config)], [jumps, command], text);
  }
});

test('tokens of both', async () => {
  const command = await settle('Web', 'Hostname %h.example\nPort 23\nUser ann\nProxyCommand c %h %n %p %r %% %k');
  assert.equal(proxyCommandOf(command), 'c web.example Web 23 ann % Web');
  const jump = await settle('web', 'User ann\nProxyJump %r@gate-%n:23');
  assert.deepEqual(jumpHostsOf(jump), [{ user: 'ann', host: 'gate-web', port: 23 }]);
  const wrong = await settle('web', 'ProxyCommand nc %u');
  assert.throws(() => proxyCommandOf(wrong), /ProxyCommand: unknown key %u/);
});

const hostile = [
  'a;id',
  'a$(id)',
  'a`id`',
  'a|id',
  'a&id',
  'a>x',
  'a<x',
  "a'b",
  'a"b',
  '-oProxyCommand=id',
  'a b',
  'a\nb',
  'a\u001b[31m',
  'a\\',
];

test('no name that a shell acts upon gets into a proxy command, whichever token carries it', async () => {
  for (const name of hostile) {
    for (const token of ['%h', '%n', '%r', '%k']) {
      const config = await settle('h', `ProxyCommand nc ${token} 22`);
      const carried = {
        ...config,
        originalHost: name,
        host: name,
        user: name,
        settings: { ...config.settings, hostKeyAlias: name },
      };
      assert.throws(() => proxyCommandOf(carried), isError('bad-file', 'config'), `${token} ${JSON.stringify(name)}`);
    }
  }
  const machine = await settle('h', 'User pc7$\nProxyCommand nc %r');
  assert.equal(proxyCommandOf(machine), 'nc pc7$');
});

test('nor does one name a jump host', () => {
  for (const name of hostile) {
    assert.throws(() => parseJumpHosts(`ok,${name}`), isError('bad-file', 'config'), JSON.stringify(name));
    assert.throws(() => parseJumpHosts(`${name}@ok`), isError('bad-file', 'config'), JSON.stringify(name));
  }
  const place = { file: '/c', line: 3 };
  assert.throws(() => parseJumpHosts('a;b', place), /^SshError: \/c line 3: ProxyJump: "a;b" is no host name/);
  assert.deepEqual(parseJumpHosts('ada@a:1, ssh://b@[::1]:2'), [
    { user: 'ada', host: 'a', port: 1 },
    { user: 'b', host: '::1', port: 2 },
  ]);
});

test('ProxyUseFdpass is refused in words', async () => {
  const station = await stationFor('h', 'ProxyCommand nc -F %h %p\nProxyUseFdpass yes', { steps: [] });
  await assert.rejects(openWay(station), isError('unsupported', 'config'));
});
