/** Gets, puts or lists files through ssh2, as the JSON of its argument says: fastGet and fastPut, ten files of a folder at a time. */
import type { EventEmitter } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';

interface Job {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identity: string;
  readonly cipher: string;
  readonly kind: 'get' | 'put' | 'list';
  readonly from: string;
  readonly to: string;
  readonly recursive: boolean;
  readonly path: string;
}

/** The part of its SFTP client that is used here; the package comes without types. */
interface Sftp extends EventEmitter {
  fastGet(from: string, to: string, done: (error?: Error) => void): void;
  fastPut(from: string, to: string, done: (error?: Error) => void): void;
  mkdir(path: string, done: (error?: Error) => void): void;
  readdir(path: string, done: (error: Error | undefined, list: { filename: string; longname: string }[]) => void): void;
}

/** What ssh2-sftp-client takes for folders. */
const filesAtOnce = 10;

const job = JSON.parse(process.argv[2] ?? '') as Job;
const client = new ssh2.Client();
await new Promise<void>((resolve, reject) => {
  client.on('ready', resolve);
  client.on('error', reject);
  client.connect({
    ...{ host: job.host, port: job.port, username: job.user, privateKey: readFileSync(job.identity) },
    algorithms: { cipher: [job.cipher], kex: ['curve25519-sha256'] },
  });
});
// Nagle's algorithm is on unless it is asked for this, and requests would wait 40 ms for TCP.
(client as unknown as { setNoDelay(isOff: boolean): void }).setNoDelay(true);
const sftp = await new Promise<Sftp>((resolve, reject) => {
  client.sftp((error, session) => (error === undefined ? resolve(session as Sftp) : reject(error)));
});
const list = promisify(sftp.readdir.bind(sftp)) as unknown as (
  path: string,
) => Promise<{ filename: string; longname: string }[]>;
const move = promisify((job.kind === 'get' ? sftp.fastGet : sftp.fastPut).bind(sftp)) as unknown as (
  from: string,
  to: string,
) => Promise<void>;

if (job.kind === 'list') process.stdout.write((await list(job.path)).map(({ longname }) => `${longname}\n`).join(''));
else if (!job.recursive) await move(job.from, job.to);
else {
  let names: string[];
  if (job.kind === 'get') {
    mkdirSync(job.to);
    names = (await list(job.from)).map(({ filename }) => filename);
  } else {
    await promisify(sftp.mkdir.bind(sftp))(job.to);
    names = readdirSync(job.from);
  }
  const worker = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop())
      await move(join(job.from, name), join(job.to, name));
  };
  await Promise.all(Array.from({ length: filesAtOnce }, worker));
}
client.end();
