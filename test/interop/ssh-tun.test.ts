/** Tunnels of packets: bin/ssh -w and bin/sshd, each with OpenSSH's other half and with each other, between two networks. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createSystemUser, missing, nacreProgram, openSshProgram, runProgram } from '../harness/index.ts';
import { type Kind, makeWorld, missingTunnels, type WorldOptions } from './_tunnel-world.ts';

const skip = missingTunnels();
if (!skip) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });

const pairs: readonly (readonly [Kind, Kind])[] = [
  ['nacre', 'OpenSSH 9.2'],
  ['OpenSSH 9.2', 'nacre'],
  ['nacre', 'nacre'],
  ['nacre', 'OpenSSH 10.0'],
  ['OpenSSH 10.0', 'nacre'],
];
const modes = [
  { mode: 'point-to-point', device: 'tun' },
  { mode: 'ethernet', device: 'tap' },
] as const;

for (const [client, server] of pairs) {
  const isNew = `${client} ${server}`.includes('10.0');
  for (const { mode, device } of isNew ? modes.slice(0, 1) : modes) {
    const isThere = isNew ? missing('openssh-10') : false;
    test(`${client} to ${server}, ${mode}: IPv4 and IPv6 datagrams and streams go through whole`, {
      skip: skip || isThere,
    }, async (t) => {
      const world = await makeWorld({ client, server, config: [`PermitTunnel ${mode}`] });
      t.after(() => world.stop());
      world.start(['-N', '-o', `Tunnel=${mode}`, '-w', '3:5', 'there']);
      await Promise.all([world.here.waitForDevice(`${device}3`), world.there.waitForDevice(`${device}5`)]);
      await Promise.all([world.here.bringUp(`${device}3`, 1), world.there.bringUp(`${device}5`, 2)]);
      await Promise.all([world.here.serveTraffic(), world.there.serveTraffic()]);
      for (const address of ['10.77.0.2', 'fd77::2']) await world.here.checkTraffic(address);
      await Promise.all([world.there.checkTraffic('10.77.0.1'), world.here.checkTraffic('fd77::2')]);
    });
  }
}

test('names: LocalCommand has %T, sessions have SSH_TUNNEL, both as OpenSSH has them', { skip }, async (t) => {
  const said: string[] = [];
  for (const kind of ['OpenSSH 9.2', 'nacre'] as const) {
    const world = await makeWorld({ client: kind, server: kind, config: ['PermitTunnel yes'] });
    t.after(() => world.stop());
    const options = ['PermitLocalCommand=yes', 'LocalCommand=echo local %T', 'Tunnel=ethernet'];
    const flags = options.flatMap((option) => ['-o', option]);
    const program = world.start([...flags, '-w', 'any:4', 'there', 'echo "there $SSH_TUNNEL"']);
    await program.waitForLog(/^there/m);
    // The command is over; the tunnel stands, and ssh with it, until the device goes.
    assert.equal(program.child.exitCode, null);
    await world.there.run('ip', 'link', 'show', 'tap4');
    said.push(program.log());
    const none = await world.run([...flags.slice(0, 4), 'there', 'echo "[$SSH_TUNNEL]"']);
    said.push(none.stdout.toString());
  }
  assert.deepEqual(said.slice(0, 2), ['local tap0\nthere tap4\n', 'local NONE\n[]\n']);
  assert.deepEqual(said.slice(2), said.slice(0, 2));
});

test('a device that somebody deletes ends its tunnel, and the ssh that waited for it', { skip }, async (t) => {
  for (const side of ['here', 'there'] as const) {
    const world = await makeWorld({ client: 'nacre', server: 'nacre', config: ['PermitTunnel yes'] });
    t.after(() => world.stop());
    const program = world.start(['-w', '1:1', 'there', 'echo done']);
    await program.waitForLog(/^done$/m);
    const exit = new Promise((resolve) => program.child.once('exit', resolve));
    await world[side].run('ip', 'link', 'delete', 'tun1');
    assert.equal(await exit, 0, program.log());
  }
});

test('-f: ssh goes to the background with its tunnel, whose device no other program gets hold of', {
  skip,
}, async (t) => {
  const world = await makeWorld({ client: 'nacre', server: 'nacre', config: ['PermitTunnel yes'] });
  t.after(() => world.stop());
  const listing = 'ls -l /proc/self/fd/; echo listed';
  const options = ['PermitLocalCommand=yes', `LocalCommand=${listing}`].flatMap((option) => ['-o', option]);
  const program = world.start(['-f', ...options, '-w', '1:1', 'there', listing]);
  const exit = new Promise((resolve) => program.child.once('exit', resolve));
  await program.waitForLog(/^listed$.*^listed$/ms);
  assert.equal(await exit, 0, program.log());
  assert.match(program.log(), / 0 -> /);
  assert.doesNotMatch(program.log(), /net\/tun/);
  await Promise.all([world.here.bringUp('tun1', 1), world.there.bringUp('tun1', 2)]);
  await world.there.serveTraffic();
  await world.here.checkTraffic('fd77::2');
  // It ends with the device: there is nobody else to end it.
  await world.here.run('ip', 'link', 'delete', 'tun1');
  while (world.daemons().length > 0) await delay(25);
});

test('--reconnect keeps the device, and its addresses, while the connection is made anew', { skip }, async (t) => {
  const world = await makeWorld({ client: 'nacre', server: 'nacre', config: ['PermitTunnel yes'] });
  t.after(() => world.stop());
  const program = world.start(['--reconnect-limits', 'first=1', '-N', '-w', '3:5', 'there']);
  for (const round of [1, 2]) {
    await world.there.waitForDevice('tun5');
    if (round === 1) await world.here.bringUp('tun3', 1);
    await world.there.bringUp('tun5', 2);
    if (round === 1) await world.there.serveTraffic();
    await world.here.checkTraffic('10.77.0.2');
    if (round === 2) break;
    await world.there.run('sh', '-c', `kill -9 ${world.daemons().at(-1)}`);
    await program.waitForLog(/Connected to there again/);
  }
});

/** What a refusal looks like at the client: its words, and whether the command runs all the same. */
async function refusal(options: WorldOptions, args: readonly string[], within?: readonly string[]): Promise<string[]> {
  const world = await makeWorld(options);
  try {
    const goesOn = await world.run([...args, 'there', 'echo ran'], within);
    const mustNotFail = ['-o', 'ExitOnForwardFailure=yes', ...args, 'there', 'echo ran'];
    const strict = await world.run(mustNotFail, within);
    return [`${goesOn.status} ${goesOn.stdout} ${goesOn.stderr}`, `${strict.status} ${strict.stdout} ${strict.stderr}`];
  } finally {
    await world.stop();
  }
}

const refusals: readonly (readonly [string, Omit<WorldOptions, 'client' | 'server'>, string[]])[] = [
  ['PermitTunnel is no by default', {}, ['-w', '1:1']],
  ['another mode than is permitted', { config: ['PermitTunnel ethernet'] }, ['-w', '1:1']],
  [
    'tunnel="2" of the key is that device alone',
    { config: ['PermitTunnel yes'], keyOptions: 'tunnel="2"' },
    ['-w', '1:1'],
  ],
];
for (const [name, options, args] of refusals) {
  test(`refused: ${name}`, { skip }, async () => {
    const real = await refusal({ ...options, client: 'OpenSSH 9.2', server: 'OpenSSH 9.2' }, args);
    assert.match(real[0] as string, /^0 ran\n channel 0: open failed: .*\r?\nTunnel forwarding failed\r?\n$/);
    assert.deepEqual(await refusal({ ...options, client: 'nacre', server: 'OpenSSH 9.2' }, args), real);
    const ours = await refusal({ ...options, client: 'nacre', server: 'nacre' }, args);
    // Our server says that it may not be, where OpenSSH's says that it failed.
    const words = (lines: string[]) => lines.map((line) => line.replace(/failed: .*/g, 'failed: …'));
    assert.deepEqual(words(ours), words(real));
  });
}

test('refused: whatever forbids forwarding forbids tunnels, unless the key names a device', { skip }, async (t) => {
  const tunnels = 'PermitTunnel yes';
  for (const [options, isPermitted] of [
    [{ config: [tunnels], keyOptions: 'restrict' }, false],
    [{ config: [tunnels], keyOptions: 'no-port-forwarding' }, false],
    [{ config: [tunnels, 'DisableForwarding yes'] }, false],
    [{ config: [tunnels, 'DisableForwarding yes'], keyOptions: 'tunnel="2"' }, false],
    [{ config: [tunnels], keyOptions: 'restrict,tunnel="2"' }, true],
  ] as const) {
    const world = await makeWorld({ client: 'OpenSSH 9.2', server: 'nacre', ...options });
    t.after(() => world.stop());
    const program = world.start(['-v', '-N', '-w', 'any:any', 'there']);
    if (isPermitted) await world.there.waitForDevice('tun2');
    else await program.waitForLog(/Tunnel forwarding failed/);
    await program.stop();
  }
});

test('where the system refuses: OpenSSH’s words, and why', { skip }, async () => {
  const within = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'];
  const options = { server: 'OpenSSH 9.2', config: ['PermitTunnel yes'] } as const;
  const real = await refusal({ ...options, client: 'OpenSSH 9.2' }, ['-w', '1:1'], within);
  const ours = await refusal({ ...options, client: 'nacre' }, ['-w', '1:1'], within);
  const reason = /tun1: TUNSETIFF failed: EPERM: only root makes such devices; .*\r\n/;
  for (const line of ours) assert.match(line, reason);
  assert.match(real[0] as string, /Tunnel device open failed\.\r?\nCould not request tunnel forwarding\./);
  assert.deepEqual(
    ours.map((line) => line.replace(reason, '')),
    real,
  );
});

test('a device that is taken, and one of another kind: told why', { skip }, async (t) => {
  const world = await makeWorld({ client: 'nacre', server: 'nacre', config: ['PermitTunnel yes'] });
  t.after(() => world.stop());
  await world.here.run('ip', 'tuntap', 'add', 'dev', 'tun1', 'mode', 'tap');
  const kind = await world.run(['-w', '1:1', 'there', 'true']);
  assert.match(kind.stderr, /^tun1: TUNSETIFF failed: EINVAL: there is a device of this name and another kind/);
  world.start(['-N', '-w', '2:2', 'there']);
  await world.there.waitForDevice('tun2');
  const taken = await world.run(['-w', '2:3', 'there', 'true']);
  assert.match(taken.stderr, /^tun2: TUNSETIFF failed: EBUSY: another program uses it/);
  const far = await world.run(['-w', '3:2', 'there', 'true']);
  assert.match(far.stderr, /^channel 0: open failed: connect failed: Tunnel device open failed: tun2: .*EBUSY/);
});

test('an sshd of root gives a user the devices that are the user’s own, and makes none', { skip }, async (t) => {
  const user = await createSystemUser();
  t.after(() => user.remove());
  const other = user.uid + 1;
  const prepare = [
    'mount -t tmpfs none /dev/net',
    'mknod -m 666 /dev/net/tun c 10 200',
    `ip tuntap add dev tun1 mode tun user ${user.uid}`,
    `ip tuntap add dev tun2 mode tun user ${other}`,
  ].join(' && ');
  const said = new Map<string, string[]>();
  for (const server of ['OpenSSH 9.2', 'nacre'] as const) {
    const world = await makeWorld({ client: 'nacre', server, config: ['PermitTunnel yes'], prepare, user: user.name });
    t.after(() => world.stop());
    const results: string[] = [];
    for (const unit of ['1', '2', '3', 'any']) {
      const program = world.start(['-v', '-N', '-w', `any:${unit}`, 'there']);
      const [, outcome = ''] = await program.waitForLog(/(tunnel forward established|Tunnel forwarding failed)/);
      results.push(`${unit} ${outcome}`);
      await program.stop();
    }
    results.push((await world.there.run('ls', '/sys/class/net')).split('\n').join(' '));
    said.set(server, results);
  }
  const [established, failed] = ['tunnel forward established', 'Tunnel forwarding failed'];
  const expected = [`1 ${established}`, `2 ${failed}`, `3 ${failed}`, `any ${failed}`, 'lo tun1 tun2 '];
  assert.deepEqual(said.get('nacre'), expected);
  assert.deepEqual(said.get('OpenSSH 9.2'), expected);
});

test('-w and the settings that it stands for: read and refused as by OpenSSH', {
  skip: missing('nacre:ssh', 'ssh'),
}, async () => {
  const run = async (program: string, args: readonly string[]) => {
    const { status, stdout, stderr } = await runProgram([program, '-F', '/dev/null', '-T', '-G', ...args, 'host']);
    const lines = stdout.toString().split('\n');
    return { status, lines: lines.filter((line) => line.startsWith('tunnel')), stderr };
  };
  for (const args of [
    ['-w', '5'],
    ['-w', 'any:3'],
    ['-w', '2147483645'],
    ['-w', '1', '-w', '2:3'],
    ['-o', 'Tunnel=no', '-w', '5'],
    ['-o', 'Tunnel=ethernet', '-w', '5:ANY'],
    ['-w', 'any:3', '-o', 'Tunnel=ethernet', '-o', 'TunnelDevice=4:4'],
    ['-o', 'TunnelDevice=4:4', '-w', '1:2'],
    ['-o', 'ClearAllForwardings=yes', '-w', '1:2'],
    ['-w', 'x'],
    ['-w', '2147483646'],
    ['-w', '1:'],
    ['-w', '1:2:3'],
    ['-w', '-1'],
    ['-w', ''],
  ]) {
    assert.deepEqual(await run(nacreProgram('ssh'), args), await run(openSshProgram('ssh'), args), args.join(' '));
  }
});
