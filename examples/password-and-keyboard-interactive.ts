/** Two factors: a password and then a one-time code by keyboard-interactive, both asked for by functions. */
import { connect, createServer, generateKey, pinnedHostKeys, SshError } from '@nacre/ssh';

const hostKey = await generateKey('ssh-ed25519');
await using server = createServer({
  hostKeys: [hostKey],
  authenticate: {
    banner: 'Authorised users only.\n',
    requiredMethods: [['password', 'keyboard-interactive']],
    password: async ({ user, password }) => user === 'ada' && password === 'open sesame',
    keyboardInteractive: async (_request, ask) => {
      const [code] = await ask([{ text: 'One-time code: ', echo: true }], { name: 'Second factor' });
      return code === '123456';
    },
  },
  exec: async (_command, { stdout, connection }) =>
    void stdout.write(`logged in by ${connection.methods.join(' and ')}\n`),
});
const { port } = await server.listen(0);
const hostKeys = pinnedHostKeys(hostKey.publicKey);

const connection = await connect(`ada@127.0.0.1:${port}`, {
  hostKeys,
  identities: [],
  // In a program for people these ask; undefined gives up.
  password: async ({ attempt }) => (attempt === 1 ? 'a typing error' : 'open sesame'),
  auth: {
    onBanner: (text) => process.stdout.write(text),
    onFailure: (methods, partialSuccess) =>
      console.log(partialSuccess ? 'next:' : 'refused, may use:', methods.join(', ')),
    keyboardInteractive: async ({ name, prompts }) => {
      console.log(`${name}: ${prompts.map(({ text }) => text).join('')}`);
      return prompts.map(() => '123456');
    },
  },
});
console.log((await connection.exec('id')).stdout);
await connection.close();

try {
  await connect(`ada@127.0.0.1:${port}`, { hostKeys, identities: [], password: 'wrong' });
} catch (error) {
  if (!(error instanceof SshError)) throw error;
  console.log(`${error.code} in ${error.stage}: ${error.message}`);
}
