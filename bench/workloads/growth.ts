/** What a unit costs with 1, 10 and 100 times as many of it. */
import { type Thing, things } from '../growth-things.ts';
import { exponentOf } from '../statistics.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

export const growth: Workload = {
  name: 'growth',
  about:
    'What one unit costs with as many as stand here, and with 10 and 100 times as many; nacre on both sides. The exponent is that by which the ' +
    'cost of all of them grows from 1x to 100x, and from 10x to 100x: 1 is in proportion, below 1 is better. At 1x there are ' +
    `${things.map(({ name, smallest, unit }) => `${smallest} ${name} (${unit})`).join(', ')}. ` +
    'Connections: processor time of sshd for their logins, and the memory that it has for itself (anonymous pages) with all of them held, ' +
    'less what it has without them, both read behind a crowd of logins that came and went. Channels: open at the same time, a byte there and back over each. Lines: the library reads the file and finds what its last line has. Entries: ' +
    'a listing. Files: a recursive get, 50 to a folder, 1 KiB each. Processor time is of both sides together.',
  run,
};

const measures: readonly Measure[] = [
  { key: 'one', title: 'each at 1x', digits: 2 },
  { key: 'ten', title: 'each at 10x', digits: 2 },
  { key: 'hundred', title: 'each at 100x', digits: 2 },
  { key: 'exponent', title: 'exponent', digits: 3 },
  { key: 'last', title: '10x to 100x', digits: 3 },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const chosen = things.filter(({ name }) => settings.rows === undefined || name.includes(settings.rows));
  const competitors = chosen.map((thing): Competitor => ({ name: thing.name, sample: () => sample(thing) }));
  const title = `growth, n = ${settings.repetitions}`;
  return [await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress)];
}

async function sample({ smallest, costs }: Thing): Promise<Sample> {
  const counts = [smallest, 10 * smallest, 100 * smallest];
  const [one = 0, ten = 0, hundred = 0] = await costs(counts);
  return { one, ten, hundred, exponent: exponentOf(one, hundred, 100), last: exponentOf(ten, hundred, 10) };
}
