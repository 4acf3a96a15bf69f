/** Checks servers against a known_hosts file: a new one is asked about and remembered, a changed key is refused. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, generateKey, knownHosts, SshError } from '@nacre/ssh';

const folder = await mkdtemp(join(tmpdir(), 'nacre-example-'));
const file = join(folder, 'known_hosts');

async function startServer(port = 0) {
  const server = createServer({
    hostKeys: [await generateKey('ssh-ed25519')],
    authenticate: { none: async () => true },
  });
  return { server, ...(await server.listen(port)) };
}

try {
  const first = await startServer();
  const hostKeys = knownHosts({
    // Without these two it is ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.
    userFiles: [file],
    globalFiles: [],
    // A person would compare the fingerprint. 'accept-new' takes every new host; the default refuses.
    onUnknown: async ({ host, fingerprint }) => {
      console.log(`${host} is new, ${fingerprint.slice(0, 10)}…; accepting`);
      return true;
    },
    onNotice: (text) => console.log(text),
  });
  const target = `ada@127.0.0.1:${first.port}`;
  for (const time of ['first', 'second']) {
    const connection = await connect(target, { hostKeys, identities: [] });
    console.log(`connected for the ${time} time`);
    await connection.close();
  }
  console.log((await readFile(file, 'utf8')).split(' ')[0]?.replace(/\d+$/, 'PORT'));

  // Another server in the same place: somebody may be standing in between.
  await first.server.close();
  const impostor = await startServer(first.port);
  try {
    await connect(target, { hostKeys, identities: [] });
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    console.log(`${error.code}: ${error.remedy}`);
  }
  await impostor.server.close();
} finally {
  await rm(folder, { recursive: true });
}
