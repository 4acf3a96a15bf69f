/** A certificate for each of a thousand public keys, from one CA in one process. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatPublicKey, generateKey, parsePublicKey, verifyCertificate } from '@nacre/ssh/keys';
import { makeFolder } from '../../test/harness/cleanup.ts';
import { makeKey, type TestKeyType } from '../../test/harness/keys.ts';
import { findProgram, nacreProgram, requireProgram, root } from '../../test/harness/paths.ts';
import { measure } from '../command.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

export const certificates: Workload = {
  name: 'certificates',
  about:
    '1,000 Ed25519 public key files certified by one CA key in one process, start-up, reading and writing of the files included. ' +
    'Afterwards every certificate is read and its signature verified. Ratios are times: below 1 is faster than OpenSSH.',
  run,
};

const count = 1000;

const measures: readonly Measure[] = [
  { key: 'wall', title: 's', digits: 3, ratio: true },
  { key: 'cpu', title: 'cpu s', digits: 3 },
  { key: 'others', title: 'others', digits: 2 },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const folder = join(makeFolder('bench-certificates'), 'keys');
  mkdirSync(folder);
  const files: string[] = [];
  for (let i = 0; i < count; i++) {
    const file = join(folder, `key-${i}.pub`);
    const key = await generateKey('ssh-ed25519');
    writeFileSync(file, `${formatPublicKey(key.publicKey)} key ${i}\n`);
    files.push(file);
  }
  const ownNode = join(root, 'node_modules', 'node', 'bin', 'node');
  const program = join(root, 'build', 'bench', 'programs', 'sign-certificates.js');
  const tables: Table[] = [];
  for (const type of ['ed25519', 'rsa', 'ecdsa-256'] as const satisfies readonly TestKeyType[]) {
    const { file: ca } = await makeKey({ type });
    const tool = (path: string) => [path, '-q', '-s', ca, '-I', 'bench', '-n', 'alice', '-V', '+1d', ...files];
    const theirs = tool(requireProgram('ssh-keygen'));
    const node = findProgram(ownNode) ?? process.execPath;
    const competitors = [
      competitor('openssh ssh-keygen -s', theirs, folder),
      competitor('openssh ssh-keygen -s (again)', theirs, folder),
      competitor('nacre, a program with the library', [node, program, ca, ...files], folder),
      competitor('nacre ssh-keygen -s', tool(nacreProgram('ssh-keygen')), folder),
    ];
    const title = `CA ${type}, ${count} certificates, n = ${settings.repetitions}`;
    tables.push(await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress));
  }
  return tables;
}

function competitor(name: string, argv: readonly string[], folder: string): Competitor {
  return {
    name,
    async sample(): Promise<Sample> {
      const result = await measure(argv);
      requireCertificates(folder);
      return { wall: result.seconds, cpu: result.clientCpu, others: result.others };
    },
  };
}

/** Reads, verifies and removes what was made. */
function requireCertificates(folder: string): void {
  const made = readdirSync(folder).filter((name) => name.endsWith('-cert.pub'));
  if (made.length !== count) throw new Error(`${made.length} certificates were made instead of ${count}`);
  for (const name of made) {
    const { certificate } = parsePublicKey(readFileSync(join(folder, name), 'utf8')).key;
    if (certificate?.keyId !== 'bench') throw new Error(`${name} is no certificate of this run`);
    verifyCertificate(certificate, ['ssh-ed25519', 'rsa-sha2-512', 'ecdsa-sha2-nistp256']);
    rmSync(join(folder, name));
  }
}
