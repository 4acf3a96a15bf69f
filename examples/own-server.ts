/** A server of one's own: commands and a shell that are functions, variables, forced commands, and a log of who came. */
import { connect, createServer, generateKey, pinnedHostKeys } from '@nacre/ssh';
import { fullPermissions } from '@nacre/ssh/trust';

const hostKey = await generateKey('ssh-ed25519');
const [adasKey, backupKey] = [await generateKey('ssh-ed25519'), await generateKey('ssh-ed25519')];

await using server = createServer({
  hostKeys: [hostKey],
  authenticate: {
    publicKey: async ({ key }) => {
      if (key.equals(adasKey.publicKey)) return true;
      // This key may do one thing only, whatever its owner asks for.
      return key.equals(backupKey.publicKey) ? { ...fullPermissions, forceCommand: 'backup' } : false;
    },
  },
  acceptEnvironment: (name) => name === 'LANG',
  exec: async (command, { stdin, stdout, stderr, environment, connection }) => {
    stdin.resume();
    switch (command) {
      case 'whoami':
        stdout.write(`${connection.user}, with LANG=${environment.get('LANG') ?? 'C'}\n`);
        return 0;
      case 'backup':
        stdout.write('backing up\n');
        return 0;
      default:
        stderr.write(`${command}: no such command\n`);
        return 127;
    }
  },
  shell: async (_none, { stdout }) => void stdout.write('welcome, and goodbye\r\n'),
  onLogin: ({ user, methods, peer }) => console.log(`log: ${user} from ${peer.address} by ${methods.join(',')}`),
  onDisconnect: (error) => console.log(`log: gone (${error.code})`),
  onError: (error) => console.error('log: a handler failed', error),
});
const { port } = await server.listen(0);

const hostKeys = pinnedHostKeys(hostKey.publicKey);
const ada = await connect(`ada@127.0.0.1:${port}`, { hostKeys, identities: [adasKey] });
console.log((await ada.exec('whoami', { environment: { LANG: 'de_DE.UTF-8', LD_PRELOAD: 'evil.so' } })).stdout);
console.log((await ada.exec('rm -rf /')).status);
const shell = await ada.shell();
for await (const chunk of shell.stdout) process.stdout.write(chunk);
await ada.close();

const backup = await connect(`backup@127.0.0.1:${port}`, { hostKeys, identities: [backupKey] });
console.log((await backup.exec('whoami')).stdout);
await backup.close();
