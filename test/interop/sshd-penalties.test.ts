/** PerSourcePenalties, PerSourceMaxStartups and RefuseConnection of bin/sshd beside OpenSSH 10's: the same words in the log. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { makeKey, missing, runSsh, startNacreServer, startOpenSshServer, type TestServer } from '../harness/index.ts';

const servers = [
  { name: 'bin/sshd', start: (config: string[]) => startNacreServer({ hostKeyTypes: ['ed25519'], config }) },
  {
    name: 'OpenSSH 10',
    start: (config: string[]) => startOpenSshServer({ version: '10.0', hostKeyTypes: ['ed25519'], config }),
  },
] as const;
const withBoth = { skip: missing('ssh', 'nacre:sshd', 'openssh-10') };

/** Runs the same against both servers. */
function both(name: string, config: string[], check: (server: TestServer, t: TestContext) => Promise<void>): void {
  for (const { name: whose, start } of servers) {
    test(`${name}: ${whose}`, withBoth, async (t) => check(await start(config), t));
  }
}

/** Connects, waits for the server's first line, and hangs up. */
async function look(server: TestServer, hold = false): Promise<{ said: string; close: () => void }> {
  const socket = connect(server.port, server.host);
  socket.on('error', () => {});
  const [said] = (await once(socket, 'data')) as [Buffer];
  if (!hold) socket.destroy();
  return { said: said.toString(), close: () => socket.destroy() };
}

const refused = 'Not allowed at this time\r\n';

/** The log's line of a connection turned away. */
function dropLine(startups: number, reason: string): RegExp {
  return new RegExp(
    `drop connection #${startups} from \\[127\\.0\\.0\\.1\\]:\\d+ on \\[127\\.0\\.0\\.1\\]:\\d+ ${reason}`,
  );
}

both('noauth: deferred, then active', ['PerSourcePenalties noauth:40 min:60'], async (server) => {
  const reason = 'penalty: connections without attempting authentication';
  assert.match((await look(server)).said, /^SSH-2\.0-/);
  await server.waitForLog(
    new RegExp(`srclimit_penalise: ipv4: new 127\\.0\\.0\\.1/32 deferred penalty of 40 seconds for ${reason}`),
  );
  assert.match((await look(server)).said, /^SSH-2\.0-/);
  await server.waitForLog(
    new RegExp(`srclimit_penalise: 127\\.0\\.0\\.1/32: activating ipv4 penalty of \\d+ seconds for ${reason}`),
  );
  assert.equal((await look(server)).said, refused);
  await server.waitForLog(dropLine(0, reason));
});

both(
  'authfail: who has failed is turned away, good login or not',
  ['PerSourcePenalties authfail:60'],
  async (server) => {
    const failed = await runSsh({ ...server, identity: await makeKey() }, ['true']);
    assert.equal(failed.status, 255);
    await server.waitForLog(/new 127\.0\.0\.1\/32 active penalty of 60 seconds for penalty: failed authentication/);
    assert.equal((await runSsh(server, ['true'])).status, 255);
    await server.waitForLog(dropLine(0, 'penalty: failed authentication'));
  },
);

both('grace-exceeded', ['LoginGraceTime 1', 'PerSourcePenalties grace-exceeded:60'], async (server) => {
  await look(server, true);
  await server.waitForLog(/active penalty of 60 seconds for penalty: exceeded LoginGraceTime/);
  assert.equal((await look(server)).said, refused);
  await server.waitForLog(dropLine(0, 'penalty: exceeded LoginGraceTime'));
});

both(
  'RefuseConnection by Match, and its penalty',
  ['PerSourcePenalties refuseconnection:60', 'Match Address 127.0.0.0/8', 'RefuseConnection yes'],
  async (server) => {
    assert.equal((await runSsh(server, ['true'])).status, 255);
    await server.waitForLog(/administratively prohibited connection for \S+ from 127\.0\.0\.1 port \d+/);
    await server.waitForLog(/active penalty of 60 seconds for penalty: connection prohibited by RefuseConnection/);
    assert.equal((await look(server)).said, refused);
  },
);

both('exempt addresses', ['PerSourcePenalties noauth:60', 'PerSourcePenaltyExemptList 127.0.0.0/8'], async (server) => {
  for (let i = 0; i < 3; i++) assert.match((await look(server)).said, /^SSH-2\.0-/);
  assert.equal((await runSsh(server, ['true'])).status, 0);
  assert.doesNotMatch(server.log(), /srclimit_penalise: ipv4: new|drop connection/);
});

both('PerSourceMaxStartups', ['PerSourceMaxStartups 1', 'PerSourcePenaltyExemptList 127.0.0.0/8'], async (server) => {
  const held = await look(server, true);
  assert.match(held.said, /^SSH-2\.0-/);
  assert.equal((await look(server)).said, refused);
  await server.waitForLog(dropLine(1, 'Maxstartups'));
  held.close();
  await server.waitForLog(/Connection (?:closed|reset) by 127\.0\.0\.1/);
  // Our own log may be a moment ahead of OpenSSH's counting.
  for (let i = 0; ; i++) {
    const { status } = await runSsh(server, ['true']);
    if (status === 0) break;
    assert.ok(i < 50, 'let in again');
  }
});

test('invaliduser has its own penalty, and reloading forgets nobody', withBoth, async () => {
  const config = ['PerSourcePenalties authfail:1 invaliduser:600 noauth:1'];
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config });
  assert.equal((await runSsh({ ...server, user: 'no-such-user' }, ['true'])).status, 255);
  await server.waitForLog(/active penalty of 600 seconds for penalty: attempted authentication by invalid user/);
  process.kill(server.pid as number, 'SIGHUP');
  await server.waitForLog(/Received SIGHUP; restarting\.[\s\S]*Server listening/);
  assert.equal((await look(server)).said, refused);
});
