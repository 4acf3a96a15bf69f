/** Runs a command, forwards ports, or does both through ssh2's client, as the JSON of its argument says. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import ssh2 from 'ssh2';

const job = JSON.parse(process.argv[2] ?? '') as {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identity: string;
  readonly algorithms: object;
  readonly command?: string;
  /** Whether the command gets a terminal, and this one's is raw meanwhile. */
  readonly pty: boolean;
  /** The port here, and the one there, of each. */
  readonly forwards: readonly (readonly [number, number])[];
};

const client = new ssh2.Client();
await new Promise<void>((resolve, reject) => {
  client.on('ready', resolve);
  client.on('error', reject);
  client.connect({
    ...{ host: job.host, port: job.port, username: job.user, privateKey: readFileSync(job.identity) },
    algorithms: job.algorithms,
  });
});
// Nagle's algorithm is on unless it is asked for this, and keys and windows would wait 40 ms for TCP.
(client as unknown as { setNoDelay(isOff: boolean): void }).setNoDelay(true);
const listeners = job.forwards.map(([here, there]) => forward(here, there));
if (job.command !== undefined) {
  await run(job.command);
  for (const listener of listeners) listener.close();
}

async function run(command: string): Promise<void> {
  // The settings are not in the types that the tests have of the package.
  const exec = client.exec.bind(client) as unknown as (
    command: string,
    settings: { readonly pty: boolean },
    done: (error: Error | undefined, stream: Duplex & { stderr: Readable }) => void,
  ) => void;
  const channel = await new Promise<Duplex & { stderr: Readable }>((resolve, reject) => {
    exec(command, { pty: job.pty }, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
  channel.on('exit', (status: number | null) => {
    process.exitCode = status ?? 1;
  });
  if (job.pty) process.stdin.setRawMode(true);
  const closed = new Promise((resolve) => channel.on('close', resolve));
  process.stdin.pipe(channel);
  channel.pipe(process.stdout);
  channel.stderr.pipe(process.stderr);
  await closed;
  process.stdin.destroy();
  client.end();
}

function forward(here: number, there: number): Server {
  const server = createServer((socket) => {
    client.forwardOut('127.0.0.1', socket.remotePort ?? 0, '127.0.0.1', there, (error, stream) => {
      if (error) socket.destroy();
      else socket.pipe(stream).pipe(socket);
    });
    socket.on('error', () => {});
  });
  server.listen(here, '127.0.0.1', 1024);
  return server;
}
