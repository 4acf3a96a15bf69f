/** Opens a shell in a terminal, types into it, and changes the size of its window. */
import { createInterface } from 'node:readline';
import { connect, createServer, generateKey, pinnedHostKeys } from '@nacre/ssh';

const hostKey = await generateKey('ssh-ed25519');
await using server = createServer({
  hostKeys: [hostKey],
  authenticate: { none: async () => true },
  shell: async (_none, { stdin, stdout, pty, onWindowChange }) => {
    stdout.write(`a ${pty?.term} of ${pty?.columns} by ${pty?.rows}\r\n`);
    onWindowChange(({ columns, rows }) => stdout.write(`now it is ${columns} by ${rows}\r\n`));
    for await (const line of createInterface({ input: stdin })) {
      if (line === 'exit') return 7;
      stdout.write(`you typed: ${line}\r\n`);
    }
    return 0;
  },
});
const { port } = await server.listen(0);
await using connection = await connect(`ada@127.0.0.1:${port}`, {
  hostKeys: pinnedHostKeys(hostKey.publicKey),
  identities: [],
});

const shell = await connection.shell({ pty: { term: 'xterm-256color', columns: 120, rows: 40 } });
// In a program for people: process.stdin.setRawMode(true), pipe both ways, and windowChange() on SIGWINCH.
shell.windowChange({ columns: 80, rows: 24 });
shell.stdin.write('hello\nexit\n');
for await (const chunk of shell.stdout) process.stdout.write(chunk);
console.log('the shell ended:', await shell.exit);
