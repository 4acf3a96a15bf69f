/** Ports through bin/sshd, beside Debian's: who may listen where, what may be reached, and what is logged. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { freePort, runProgram, runSsh, startNacreServer, type TestServer } from '../harness/index.ts';
import { ask, startEcho, whileForwarding } from './_forwarding.ts';
import { withSsh } from './_sshd.ts';
import { onBoth } from './_sshd-both.ts';

let echoPort = 0;
before(async () => {
  echoPort = await startEcho(0);
});

test('GatewayPorts: where a remote forward listens', withSsh, async (t) => {
  const hosts = ['', 'localhost:', '127.0.0.1:', '[::1]:', '*:', '0.0.0.0:', '127.0.0.2:', '[::]:'];
  for (const value of ['no', 'yes', 'clientspecified']) {
    await t.test(value, async () => {
      const flags = hosts.flatMap((host) => ['-R', `${host}0:127.0.0.1:${echoPort}`]);
      const seen = await onBoth({ config: [`GatewayPorts ${value}`] }, (server) =>
        whileForwarding(server, flags, hosts.length, async (said) => {
          const ports = [...said.matchAll(/Allocated port (\d+)/g)].map(([, port]) => Number(port));
          return Promise.all(
            ports.map(async (port) => {
              const { stdout } = await runProgram(['ss', '-ltnH', `sport = ${port}`]);
              const at = String(stdout).trim().split('\n');
              const addresses = at.map((line) => line.trim().split(/\s+/)[3]?.replace(/:\d+$/, '') ?? '');
              return `${addresses.sort().join(' ')} ${await ask({ port })}`;
            }),
          );
        }),
      );
      assert.equal(seen.length, hosts.length);
    });
  }
});

test('PermitOpen and the key’s permitopen: what may be reached', withSsh, async (t) => {
  const free = await freePort();
  const reach = async (server: TestServer, host: string) =>
    (await runSsh(server, [], { flags: ['-W', `${host}:${echoPort}`], input: 'ping' })).stdout.toString() || 'refused';
  for (const rule of [
    'any',
    'none',
    `127.0.0.1:${echoPort}`,
    `127.0.0.1:${free}`,
    '127.0.0.1:*',
    '*:*',
    `localhost:${echoPort} [::1]:${echoPort}`,
  ]) {
    await t.test(rule, async () => {
      await onBoth({ config: [`PermitOpen ${rule}`] }, async (server) => [
        await reach(server, '127.0.0.1'),
        await reach(server, 'localhost'),
      ]);
    });
  }
});

test('PermitListen: where a client may have the server listen', withSsh, async (t) => {
  const [port, other] = [await freePort(), await freePort()];
  for (const rule of [
    'any',
    'none',
    String(port),
    String(other),
    `localhost:${port}`,
    `127.0.0.1:${port}`,
    `*:${port}`,
    'localhost:*',
    `${other} localhost:${port}`,
  ]) {
    await t.test(rule, async () => {
      const listen = (server: TestServer, host: string) =>
        whileForwarding(server, ['-R', `${host}${port}:127.0.0.1:${echoPort}`], 1, async (said) =>
          /remote forward success/.test(said) ? ask({ port }) : 'refused',
        );
      await onBoth({ config: [`PermitListen ${rule}`] }, async (server) => [
        await listen(server, ''),
        await listen(server, '127.0.0.1:'),
      ]);
    });
  }
});

test('a line in the log for every tunnel opened and closed, with its bytes', withSsh, async () => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'] });
  await runSsh(server, [], { flags: ['-W', `127.0.0.1:${echoPort}`], input: 'x'.repeat(1000) });
  const what = `direct-tcpip to 127\\.0\\.0\\.1 port ${echoPort} for user ${server.user} from 127\\.0\\.0\\.1 port \\d+`;
  await server.waitForLog(new RegExp(`Tunnel 1 opened: ${what}`));
  await server.waitForLog(new RegExp(`Tunnel 1 closed: ${what}, 1000 bytes from the client, 1000 to it`));
  const port = await freePort();
  await whileForwarding(server, ['-R', `${port}:127.0.0.1:${echoPort}`], 1, () => ask({ port }, 'y'.repeat(500)));
  await server.waitForLog(/Tunnel 2 closed: forwarded-tcpip at localhost .* 500 bytes from the client, 500 to it/);
});
