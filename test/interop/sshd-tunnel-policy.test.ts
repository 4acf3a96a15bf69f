/** TunnelPolicy and TunnelQuota of bin/sshd, with Debian's ssh: each kind of tunnel, names that lead elsewhere, and what is logged. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  freePort,
  makeFolder,
  makeKey,
  nacreProgram,
  runProgram,
  runSsh,
  startNacreServer,
  type TestServer,
} from '../harness/index.ts';
import { ask, startEcho, whileForwarding } from './_forwarding.ts';
import { until, withSsh } from './_sshd.ts';

const folder = makeFolder('policy');
const echoPath = join(folder, 'echo');
const linkPath = join(folder, 'link');
let echoPort = 0;
let otherPort = 0;
let server: TestServer;

before(async () => {
  echoPort = await startEcho(0);
  otherPort = await startEcho(0);
  await startEcho(echoPath);
  symlinkSync(echoPath, linkPath);
});

async function withServer(config: readonly string[], action: () => Promise<void>): Promise<void> {
  server = await startNacreServer({ hostKeyTypes: ['ed25519'], config });
  try {
    await action();
  } finally {
    await server.stop();
  }
}

/** What comes back over `ssh -W`; what ssh says of a refusal where nothing does. */
async function reach(host: string, port = echoPort, input = 'ping'): Promise<string> {
  const { stdout, stderr } = await runSsh(server, [], {
    flags: ['-W', `${host.includes(':') ? `[${host}]` : host}:${port}`],
    input,
  });
  return stdout.toString() || (/open failed: (.*?)\r?\n/.exec(stderr)?.[1] ?? stderr);
}
const prohibited = 'administratively prohibited: not allowed';

test('local: by the name that was asked for, by the address it leads to, by port', withSsh, async () => {
  const config = [
    'TunnelPolicy deny local 10.0.0.0/8 localhost.localdomain',
    `TunnelPolicy allow local 127.0.0.0/8:${Math.min(echoPort, otherPort)}-${Math.max(echoPort, otherPort)}`,
    'TunnelPolicy deny local 127.0.0.0/8 [::1]',
  ];
  await withServer(config, async () => {
    assert.equal(await reach('127.0.0.1'), 'ping');
    // As the system reads it, this is 127.0.0.1; and so is no address at all.
    assert.equal(await reach('127.1'), 'ping');
    assert.equal(await reach('0.0.0.0', otherPort), 'ping');
    assert.equal(await reach('localhost'), 'ping');
    assert.equal(await reach('127.0.0.1', 1), prohibited);
    for (const host of ['127.1', '2130706433', '0.0.0.0', '::ffff:127.0.0.1', '::', 'localhost']) {
      assert.equal(await reach(host, 1), prohibited, host);
    }
    assert.equal(await reach('10.1.2.3'), prohibited);
    assert.equal(await reach('LOCALHOST.localdomain.'), prohibited);
    await server.waitForLog(
      /Tunnel refused: direct-tcpip to 10\.1\.2\.3 port \d+ for user \S+ from 127\.0\.0\.1 port \d+: TunnelPolicy deny local 10\.0\.0\.0\/8 localhost\.localdomain/,
    );
    await server.waitForLog(/Tunnel \d+ opened: direct-tcpip to 127\.0\.0\.1 port/);
  });
});

test(
  'remote: where the server listens, whatever the client calls it, and a port that the system chooses',
  withSsh,
  async () => {
    const [open, shut] = [await freePort(), await freePort()];
    const config = [
      'GatewayPorts clientspecified',
      `TunnelPolicy allow remote 127.0.0.1:${open}`,
      'TunnelPolicy deny remote *',
    ];
    await withServer(config, async () => {
      const listen = (spec: string, port: number) =>
        whileForwarding(server, ['-R', `${spec}:127.0.0.1:${echoPort}`], 1, async (said) =>
          /remote forward success/.test(said) ? ask({ port }) : 'refused',
        );
      assert.equal(await listen(`127.0.0.1:${open}`, open), 'ping');
      // Of two addresses one may be had.
      assert.equal(await listen(`localhost:${open}`, open), 'ping');
      assert.equal(await listen(`127.0.0.1:${shut}`, shut), 'refused');
      assert.equal(await listen(`0.0.0.0:${open}`, open), 'refused');
      assert.equal(await listen('127.0.0.1:0', 0), 'refused');
      await server.waitForLog(/Tunnel refused: tcpip-forward at 0\.0\.0\.0 \(0\.0\.0\.0\) port \d+ for user/);
    });
  },
);

test('sockets: both ways, by the path that is meant', withSsh, async () => {
  const config = [
    `TunnelPolicy allow socket ${folder}/e* ${folder}/listen-*`,
    `TunnelPolicy allow socket ${linkPath}`,
    'TunnelPolicy deny socket *',
  ];
  await withServer(config, async () => {
    const connectTo = async (path: string) => {
      const port = await freePort();
      return whileForwarding(server, ['-L', `${port}:${path}`], 0, () => ask({ port }));
    };
    assert.equal(await connectTo(echoPath), 'ping');
    assert.equal(await connectTo(`${folder}/../${folder.split('/').at(-1)}/echo`), 'ping');
    assert.equal(await connectTo(linkPath), 'ping');
    assert.equal(await connectTo(join(folder, 'none')), 'cut');
    const listenAt = (path: string) =>
      whileForwarding(server, ['-R', `${path}:127.0.0.1:${echoPort}`], 1, async (said) =>
        /remote forward success/.test(said) ? ask({ path }) : 'refused',
      );
    assert.equal(await listenAt(join(folder, 'listen-1')), 'ping');
    assert.equal(await listenAt(join(folder, 'other')), 'refused');
  });
  // A link into what is denied, and one out of what is allowed.
  await withServer([`TunnelPolicy deny socket ${echoPath}`], async () => {
    const port = await freePort();
    assert.equal(await whileForwarding(server, ['-L', `${port}:${linkPath}`], 0, () => ask({ port })), 'cut');
    await server.waitForLog(/Tunnel refused: direct-streamlocal at \S+link for user/);
  });
  await withServer([`TunnelPolicy allow socket ${linkPath}`, 'TunnelPolicy deny any /*'], async () => {
    const port = await freePort();
    assert.equal(await whileForwarding(server, ['-L', `${port}:${linkPath}`], 0, () => ask({ port })), 'cut');
  });
});

test('Match: its rules come before those for everybody, its quotas in their place; -T says so', withSsh, async () => {
  const file = join(folder, 'sshd_config');
  const key = await makeKey();
  const lines = [
    `HostKey ${key.file}`,
    'TunnelPolicy deny any 169.254.0.0/16 "/run/a b"',
    'TunnelQuota connections=5',
    'ProxyProtocolFrom 10.0.0.1 2001:db8::/32',
    'Match User ada',
    'TunnelPolicy allow local *.example.com:443',
    'TunnelQuota bytes=1M total-bytes=1G every=1d per=key',
    'Match User bob',
    'TunnelQuota none',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const dump = async (user: string) => {
    const { stdout, stderr } = await runProgram([nacreProgram('sshd'), '-T', '-f', file, '-C', `user=${user}`]);
    assert.equal(stderr, '');
    return stdout
      .toString()
      .split('\n')
      .filter((line) => /^(tunnelp|tunnelq|proxyp)/.test(line));
  };
  const everybody = 'tunnelpolicy deny any 169.254.0.0/16 "/run/a b"';
  const balancers = 'proxyprotocolfrom 10.0.0.1 2001:db8::/32';
  assert.deepEqual(await dump('eve'), [balancers, everybody, 'tunnelquota connections=5 per=user']);
  assert.deepEqual(await dump('ada'), [
    ...[balancers, 'tunnelpolicy allow local *.example.com:443', everybody],
    'tunnelquota bytes=1048576 total-bytes=1073741824 every=86400 per=key',
  ]);
  assert.deepEqual(await dump('bob'), [balancers, everybody]);
  writeFileSync(file, `HostKey ${key.file}\nTunnelPolicy deny local 10.0.0.1/8\nMatch all\nTunnelQuota x=1\n`);
  const { status, stderr } = await runProgram([nacreProgram('sshd'), '-t', '-f', file]);
  assert.equal(status, 255);
  assert.match(stderr, /line 2: TunnelPolicy: tunnel rule: .* bits set/);
  assert.match(stderr, /line 4: TunnelQuota: tunnel quota: /);
});

test('TunnelQuota connections: over all connections of a user, and free again', withSsh, async () => {
  await withServer(['TunnelQuota connections=1'], async () => {
    const [port, other] = [await freePort(), await freePort()];
    const flags = ['-L', `${port}:127.0.0.1:${echoPort}`, '-R', `${other}:127.0.0.1:${echoPort}`];
    await whileForwarding(server, flags, 1, async () => {
      const held = connect({ port, host: '127.0.0.1' });
      try {
        held.write('held');
        await once(held, 'data');
        assert.equal(await reach('127.0.0.1'), prohibited);
        assert.equal(await ask({ port: other }), 'cut');
      } finally {
        held.destroy();
      }
      await server.waitForLog(/Tunnel \d+ closed/);
      assert.equal(await reach('127.0.0.1'), 'ping');
    });
    await server.waitForLog(/Tunnel refused: direct-tcpip .*: TunnelQuota connections=1 per=user is used up/);
    await server.waitForLog(/Tunnel refused: forwarded-tcpip .*: TunnelQuota connections=1 per=user is used up/);
  });
});

test('TunnelQuota bytes and total-bytes: a tunnel ends, and then there are none', withSsh, async () => {
  await withServer(['TunnelQuota bytes=200000 total-bytes=300000'], async () => {
    const big = 'x'.repeat(90_000);
    // There and back: 180,000.
    assert.equal((await reach('127.0.0.1', echoPort, big)).length, big.length);
    assert.ok((await reach('127.0.0.1', echoPort, 'x'.repeat(150_000))).length < 150_000);
    await server.waitForLog(/Tunnel stopped: direct-tcpip to 127\.0\.0\.1 port \d+ for user .*: TunnelQuota /);
    assert.equal(await reach('127.0.0.1', echoPort, big), prohibited);
    assert.equal(await reach('127.0.0.1'), prohibited);
  });
});

test('the books outlive the connection and a new configuration', withSsh, async () => {
  await withServer(['TunnelQuota total-bytes=8'], async () => {
    assert.equal(await reach('127.0.0.1'), 'ping');
    process.kill(server.pid as number, 'SIGHUP');
    await until(
      () => (server.log().match(/Server listening on/g) ?? []).length === 2,
      'the configuration is read again',
    );
    assert.equal(await reach('127.0.0.1'), prohibited);
  });
});
