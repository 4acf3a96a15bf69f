/** Logs in with a key that an agent holds: this program never sees the private half. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, createServer, generateKey, pinnedHostKeys } from '@nacre/ssh';
import { connectAgent } from '@nacre/ssh/client';

const folder = mkdtempSync(join(tmpdir(), 'nacre-example-'));
const socket = join(folder, 'agent');
// An agent for this example alone. A person's own is at SSH_AUTH_SOCK, and connect() finds it there without being told.
const program = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
const missing = await Promise.race([once(program, 'error').then(() => true), once(program, 'spawn').then(() => false)]);
if (missing) {
  console.log('there is no ssh-agent program here');
  process.exitCode = 77; // to the tests: skipped
} else await logInByAgent();
program.kill();
rmSync(folder, { recursive: true });

async function logInByAgent(): Promise<void> {
  while (!existsSync(socket)) await delay(10);
  const key = await generateKey('ssh-ed25519', { comment: 'ada@laptop' });
  const agent = await connectAgent(socket);
  await agent.add(key, { constraints: { lifetimeSeconds: 60 } });
  console.log('the agent holds:', (await agent.list()).map(({ comment }) => comment).join(', '));
  agent.close();

  const hostKey = await generateKey('ssh-ed25519');
  await using server = createServer({
    hostKeys: [hostKey],
    authenticate: { publicKey: async ({ key: offered }) => offered.equals(key.publicKey) },
  });
  const { port } = await server.listen(0);
  await using connection = await connect(`ada@127.0.0.1:${port}`, {
    hostKeys: pinnedHostKeys(hostKey.publicKey),
    identities: [],
    agent: socket,
  });
  console.log('logged in by', connection.login.methods.join(', '));
}
