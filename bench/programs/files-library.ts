/** Gets, puts or lists files through the library, as the JSON of its argument says. */
import { readFileSync } from 'node:fs';
import { connect, knownHosts, openSftp } from '@nacre/ssh/client';
import { parsePrivateKey } from '@nacre/ssh/keys';
import { get, put } from '@nacre/ssh/transfer';

const job = JSON.parse(process.argv[2] ?? '') as {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identity: string;
  readonly knownHosts: string;
  readonly cipher: string;
  readonly kind: 'get' | 'put' | 'list';
  readonly from: string;
  readonly to: string;
  readonly recursive: boolean;
  readonly path: string;
};

const connection = await connect(`${job.user}@${job.host}:${job.port}`, {
  hostKeys: knownHosts({ userFiles: [job.knownHosts], globalFiles: [] }),
  identities: [await parsePrivateKey(readFileSync(job.identity))],
  algorithms: { cipher: [job.cipher], kex: ['curve25519-sha256'] },
});
const sftp = await openSftp(connection);
if (job.kind === 'get') await get(sftp, job.from, job.to, { recursive: job.recursive });
else if (job.kind === 'put') await put(sftp, job.from, job.to, { recursive: job.recursive });
else {
  const lines: string[] = [];
  for await (const { text, attributes } of sftp.readdir(job.path)) lines.push(`${attributes.size} ${text}\n`);
  process.stdout.write(lines.join(''));
}
sftp.close();
await connection.close();
