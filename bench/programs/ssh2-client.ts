/** Runs a command, or forwards a port, through ssh2's client, as the JSON of its argument says. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import ssh2 from 'ssh2';

const job = JSON.parse(process.argv[2] ?? '') as {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identity: string;
  readonly algorithms: object;
  readonly command?: string;
  /** The port here, and the one there. */
  readonly forward?: readonly [number, number];
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
if (job.forward !== undefined) forward(...job.forward);
else await run(job.command ?? '');

async function run(command: string): Promise<void> {
  const channel = await new Promise<Duplex & { stderr: Readable }>((resolve, reject) => {
    client.exec(command, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
  channel.on('exit', (status: number | null) => {
    process.exitCode = status ?? 1;
  });
  const closed = new Promise((resolve) => channel.on('close', resolve));
  process.stdin.pipe(channel);
  channel.pipe(process.stdout);
  channel.stderr.pipe(process.stderr);
  await closed;
  process.stdin.destroy();
  client.end();
}

function forward(here: number, there: number): void {
  const listener = createServer((socket) => {
    client.forwardOut('127.0.0.1', socket.remotePort ?? 0, '127.0.0.1', there, (error, stream) => {
      if (error) socket.destroy();
      else socket.pipe(stream).pipe(socket);
    });
    socket.on('error', () => {});
  });
  listener.listen(here, '127.0.0.1', 1024);
}
