/** `ssh`: a session, a command or a forwarded stream on another machine, with OpenSSH's flags and files. */
import { Getopt } from '../../flags/getopt.ts';
import { FatalError, failureStatus } from './end.ts';
import { flagTable } from './flag-table.ts';
import { Log } from './log.ts';

export async function run(args: readonly string[]): Promise<number> {
  const asked = findImmediate(args);
  if (asked?.letter === 'V') {
    const { versionLine } = await import('./version.ts');
    process.stderr.write(`${versionLine()}\n`);
    return 0;
  }
  if (asked?.letter === 'Q') return answerQuery(asked.value ?? '');
  const log = new Log('INFO');
  try {
    const { runClient } = await import('./client.ts');
    return await runClient(args, log);
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    if (error.message !== '') {
      if (error.always) process.stderr.write(`${error.message}\n`);
      else log.fatal(error.message);
    }
    return failureStatus;
  } finally {
    log.close();
  }
}

/** -V and -Q are answered where they stand, before anything else is looked at: neither needs a destination. */
function findImmediate(args: readonly string[]): { letter: string; value: string | undefined } | undefined {
  const walk = new Getopt(args, new Map(flagTable.rows.map((row) => [row.letter, 'value' in row])));
  for (let step = walk.next(); step !== undefined; step = walk.next()) {
    if (step.kind !== 'option') return undefined;
    if (step.letter === 'V' || step.letter === 'Q') return step;
  }
  return undefined;
}

async function answerQuery(name: string): Promise<number> {
  const { findQuery, queryNames } = await import('./queries/table.ts');
  const answer = name === 'help' ? queryNames() : findQuery(name)?.answer();
  if (answer === undefined) {
    process.stderr.write(`Unsupported query "${name}"\n`);
    return failureStatus;
  }
  process.stdout.write(`${answer.join('\n')}\n`);
  return 0;
}
