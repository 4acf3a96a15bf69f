/** ProxyProtocolFrom of bin/sshd behind a real HAProxy: whose address counts, and what health checks leave behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  freePort,
  makeFolder,
  makeKey,
  missing,
  runSsh,
  startNacreServer,
  startProgram,
  type TestServer,
} from '../harness/index.ts';
import { withSsh } from './_sshd.ts';

const withHaproxy = { skip: withSsh.skip || missing('haproxy') };

/** A frontend for each word behind `server`, each of which comes to the server from 127.0.0.9. */
async function startHaproxy(server: TestServer, words: readonly string[]) {
  const ports = await Promise.all(words.map(() => freePort()));
  const file = join(makeFolder('haproxy'), 'haproxy.cfg');
  const parts = words.map(
    (word, at) =>
      `listen l${at}\n  bind 127.0.0.1:${ports[at]}\n  server s 127.0.0.1:${server.port} source 127.0.0.9 ${word}\n`,
  );
  const limits = 'defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n';
  writeFileSync(file, `global\n  maxconn 100\n${limits}${parts.join('')}`);
  const program = startProgram(['haproxy', '-db', '-f', file]);
  for (const port of ports) await listens(port);
  return { ports, stop: () => program.stop() };
}

/** Until somebody takes connections there. */
async function listens(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.8' });
    const [error] = await Promise.race([once(socket, 'connect'), once(socket, 'error')]).catch((cause) => [cause]);
    socket.destroy();
    if (error === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nobody listens on port ${port}`);
}

/** `ssh` from an address of its own, by way of the balancer. */
const from = (server: TestServer, port: number, address: string, command = 'echo $SSH_CLIENT') =>
  runSsh({ ...server, port }, [command], {
    options: [`BindAddress=${address}`, `HostKeyAlias=[127.0.0.1]:${server.port}`],
  });

test('the client’s address counts for everything, the balancer’s for nothing', withHaproxy, async () => {
  const key = await makeKey();
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    identity: false,
    authorizedKeys: [`from="127.0.0.2,127.0.0.3" ${key.publicLine}`],
    config: [
      'ProxyProtocolFrom 127.0.0.9',
      'PerSourcePenalties authfail:60 noauth:60 min:15 max:60',
      'LogLevel DEBUG1',
      'Match Address 127.0.0.3',
      'ForceCommand echo forced',
    ],
  });
  const known = { ...server, identity: key };
  const haproxy = await startHaproxy(server, ['send-proxy', 'send-proxy-v2', '']);
  try {
    const [first = 0, second = 0, none = 0] = haproxy.ports;
    for (const port of [first, second]) {
      const result = await from(known, port, '127.0.0.2');
      assert.match(result.stdout.toString(), new RegExp(`^127\\.0\\.0\\.2 \\d+ ${port}\n$`), result.stderr);
      assert.equal((await from(known, port, '127.0.0.3')).stdout.toString(), 'forced\n');
    }
    await server.waitForLog(/Accepted publickey for \S+ from 127\.0\.0\.2 port \d+ ssh2/);
    // A balancer that says nothing of its client is not let in, and whoever is none cannot say that it was.
    assert.equal((await from(known, none, '127.0.0.2')).status, 255);
    await server.waitForLog(/drop connection #\d+ from \[127\.0\.0\.9\]:\d+ .* bad PROXY header/);
    const direct = connect(server.port, '127.0.0.1');
    direct.on('error', () => {});
    direct.end('PROXY TCP4 127.0.0.2 127.0.0.1 1 22\r\n');
    direct.resume();
    await once(direct, 'close');
    // One client that is not let in is kept out, and the others come in by the same way.
    assert.equal((await from(known, first, '127.0.0.4')).status, 255);
    await server.waitForLog(/new 127\.0\.0\.4\/32 active penalty/);
    assert.equal((await from(known, second, '127.0.0.4')).status, 255);
    await server.waitForLog(/drop connection #\d+ from \[127\.0\.0\.4\]:\d+ .* penalty: failed authentication/);
    assert.equal((await from(known, second, '127.0.0.2')).status, 0);
    assert.doesNotMatch(server.log(), /127\.0\.0\.9\/32/);
  } finally {
    await haproxy.stop();
    await server.stop();
  }
});

test('health checks, with a header or without: no penalty, and no line above DEBUG', withHaproxy, async () => {
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['ProxyProtocolFrom 127.0.0.9', 'PerSourcePenalties noauth:60 min:15 max:60', 'LogLevel DEBUG1'],
  });
  const haproxy = await startHaproxy(server, ['send-proxy-v2 check inter 200 fall 1000']);
  try {
    const [port = 0] = haproxy.ports;
    // On a busy machine the check has come and gone before the server accepts it.
    await server.waitForLog(
      /Connection (?:closed|reset) by 127\.0\.0\.9 port \d+ \[preauth\]|gone before it was accepted/,
    );
    // Without a header.
    const silent = connect({ port: server.port, host: '127.0.0.1', localAddress: '127.0.0.9' });
    silent.on('error', () => {});
    silent.resume();
    silent.end();
    await once(silent, 'close');
    await server.waitForLog(/a balancer connected and said nothing/);
    const result = await from(server, port, '127.0.0.2');
    assert.match(result.stdout.toString(), /^127\.0\.0\.2 /, result.stderr);
    const loud = server
      .log()
      .split(/\r?\n/)
      .filter((line) => /127\.0\.0\.9|UNKNOWN/.test(line) && !line.startsWith('debug1: '));
    assert.deepEqual(
      loud.filter((line) => !/^Connection from /.test(line)),
      [],
    );
  } finally {
    await haproxy.stop();
    await server.stop();
  }
});
