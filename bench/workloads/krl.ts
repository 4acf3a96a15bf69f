/** Revoked keys: reading a long list and asking it, by ssh-keygen -Q and in the library. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parsePublicKey } from '@nacre/ssh/keys';
import { readKeyRevocationList } from '@nacre/ssh/trust/revocation-list';
import { makeFolder } from '../../test/harness/cleanup.ts';
import { openSshProgram } from '../../test/harness/openssh.ts';
import { missing, nacreProgram, requireProgram } from '../../test/harness/paths.ts';
import { requireSuccess, runProgram } from '../../test/harness/programs.ts';
import { measure } from '../command.ts';
import { type Competitor, type Measure, measureInTurns, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

const serialCount = 100_000;
const hashCount = 10_000;
const questionCount = 1000;

export const krl: Workload = {
  name: 'krl',
  about:
    'A key revocation list of 100,000 random serials and 10,000 hashes of keys, written by OpenSSH. `ssh-keygen -Q` starts, reads it and ' +
    'asks about a key and a certificate; the library reads it and asks 1,000 times about certificates in a process that runs already.',
  run,
};

/** One start is too short to be told from chance. */
const startsPerSample = 5;

const toolMeasures: readonly Measure[] = [
  { key: 'wall', title: 'ms', digits: 1, ratio: true },
  { key: 'cpu', title: 'cpu ms', digits: 1 },
];

const libraryMeasures: readonly Measure[] = [
  { key: 'read', title: 'read ms', digits: 2 },
  { key: 'ask', title: '1,000 questions ms', digits: 2 },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const { list, questions } = await makeList();
  const [theirs, ours] = [requireProgram('ssh-keygen'), nacreProgram('ssh-keygen')];
  const theirsToo = missing('openssh-10');
  const competitors = [
    toolCompetitor('openssh 9.2 ssh-keygen -Q', theirs, list, questions),
    toolCompetitor(
      'nacre ssh-keygen -Q',
      ours,
      list,
      questions,
      existsSync(ours) ? undefined : 'it does not exist yet',
    ),
    theirsToo === false
      ? toolCompetitor('openssh 10.0 ssh-keygen -Q', openSshProgram('ssh-keygen', '10.0'), list, questions)
      : toolCompetitor('openssh 10.0 ssh-keygen -Q', '', list, questions, theirsToo),
  ];
  const chosen = competitors.filter(
    ({ name }, i) => i === 0 || settings.rows === undefined || name.includes(settings.rows),
  );
  const { repetitions, progress } = settings;
  const title = `ssh-keygen -Q, ${startsPerSample} starts a sample, n = ${repetitions}`;
  const library = [libraryCompetitor(list, questions)];
  return [
    await measureInTurns(title, toolMeasures, chosen, repetitions, progress),
    await measureInTurns(`library, n = ${repetitions}`, libraryMeasures, library, repetitions, progress),
  ];
}

interface Material {
  readonly list: string;
  /** A public key and a certificate that the list knows, in files. */
  readonly questions: readonly string[];
}

async function makeList(): Promise<Material> {
  const folder = makeFolder('krl');
  const path = (name: string) => join(folder, name);
  for (const name of ['authority', 'user']) {
    await requireSuccess(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path(name)]);
  }
  const serials = Array.from({ length: serialCount }, () => randomBytes(8).readBigUInt64BE() | 1n);
  const lines = serials.map((serial) => `serial: ${serial}`);
  for (let i = 0; i < hashCount; i++) {
    lines.push(`hash: SHA256:${createHash('sha256').update(`key ${i}`).digest('base64').replace(/=+$/, '')}`);
  }
  writeFileSync(path('specification'), `${lines.join('\n')}\n`);
  const serial = String(serials[serialCount >> 1]);
  const names = ['-I', 'nobody', '-n', 'nobody', '-z', serial];
  await requireSuccess(['ssh-keygen', '-q', '-s', path('authority'), ...names, path('user.pub')]);
  const list = path('revoked');
  await requireSuccess(['ssh-keygen', '-q', '-k', '-f', list, '-s', path('authority.pub'), path('specification')]);
  return { list, questions: [path('user.pub'), path('user-cert.pub')] };
}

function toolCompetitor(
  name: string,
  program: string,
  list: string,
  questions: readonly string[],
  skipped?: string,
): Competitor {
  const argv = [program, '-Q', '-f', list, ...questions];
  let isVerified = false;
  return {
    name,
    skipped,
    async sample() {
      if (!isVerified) await verify(name, argv);
      isVerified = true;
      // Status 1 says that one of the keys is revoked.
      const starts = Array.from({ length: startsPerSample }, (_, i) => i + 1).join(' ');
      const script = `for i in ${starts}; do "$@"; [ $? = 1 ] || exit 2; done`;
      const result = await measure(['bash', '--norc', '--noprofile', '-c', script, 'asks', ...argv]);
      return { wall: (result.seconds * 1000) / startsPerSample, cpu: (result.clientCpu * 1000) / startsPerSample };
    },
  };
}

/** The right answers, and a first start that is not measured. */
async function verify(name: string, argv: readonly string[]): Promise<void> {
  const { status, stdout } = await runProgram(argv);
  const answers = stdout
    .toString()
    .match(/(?:ok|REVOKED)$/gm)
    ?.join(' ');
  if (status !== 1 || answers !== 'ok REVOKED') throw new Error(`${name}: status ${status}, answers ${answers}`);
}

function libraryCompetitor(list: string, questions: readonly string[]): Competitor {
  return {
    name: '@nacre/ssh/trust/revocation-list',
    async sample() {
      const bytes = readFileSync(list);
      const keys = questions.map((file) => parsePublicKey(readFileSync(file, 'utf8')).key);
      const start = performance.now();
      const revoked = readKeyRevocationList(bytes, { name: list });
      const read = performance.now() - start;
      let found = 0;
      for (let i = 0; i < questionCount; i++) {
        const key = keys[i % keys.length];
        if (key !== undefined && revoked.revokes(key) !== undefined) found++;
      }
      const ask = performance.now() - start - read;
      if (found !== questionCount / 2) throw new Error(`${found} of ${questionCount / 2} were found`);
      return { read, ask };
    },
  };
}
