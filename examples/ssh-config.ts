/** Connects by a file in ssh_config's format: an alias, its key, its known_hosts, and a jump host on the way. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, formatPrivateKey, formatPublicKey, generateKey } from '@nacre/ssh';
import { connectTcp } from '@nacre/ssh/server';

const folder = await mkdtemp(join(tmpdir(), 'nacre-example-'));
const hostKey = await generateKey('ssh-ed25519');
const userKey = await generateKey('ssh-ed25519');

let port = 0;
const server = createServer({
  hostKeys: [hostKey],
  authenticate: { publicKey: async ({ key }) => key.equals(userKey.publicKey) },
  exec: async (command, { stdout }) => void stdout.write(`ran ${command}\n`),
  // It is its own jump host, and connects nobody to anything but itself.
  forwardTcp: async (request) => (request.port === port ? connectTcp(request) : undefined),
});

try {
  port = (await server.listen(0)).port;
  await writeFile(join(folder, 'id'), await formatPrivateKey(userKey, 'openssh'), { mode: 0o600 });
  await writeFile(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${formatPublicKey(hostKey.publicKey)}\n`);
  const file = join(folder, 'config');
  await writeFile(
    file,
    `
    Host web
      ProxyJump bastion
    Host web bastion
      HostName 127.0.0.1
      Port ${port}
      User ada
      IdentityFile ${folder}/id
      UserKnownHostsFile ${folder}/known_hosts
    `,
  );
  // With `config: true` it is ~/.ssh/config and /etc/ssh/ssh_config, as ssh reads them.
  const connection = await connect('web', { config: { files: [file] } });
  console.log((await connection.exec('uptime')).stdout.trim());
  await connection.close();

  // Lines that outweigh the file, as ssh -o has them.
  const direct = await connect('web', { config: { files: [file], overrides: ['ProxyJump none', 'User eve'] } });
  console.log(direct.target.user);
  await direct.close();
} finally {
  await server.close();
  await rm(folder, { recursive: true });
}
