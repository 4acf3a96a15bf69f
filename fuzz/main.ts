/** `npm run fuzz`: runs each target in turn, saves the inputs that break one, and says how to run them again. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fuzzTarget } from './run.ts';
import { targets } from './targets/table.ts';

const checkout = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    target: { type: 'string', multiple: true },
    seed: { type: 'string' },
    input: { type: 'string' },
    iteration: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  if (values.list) {
    for (const { name } of targets) console.log(name);
    return 0;
  }
  const chosen = targets.filter(({ name }) => values.target === undefined || values.target.includes(name));
  if (chosen.length === 0) {
    console.error(
      `fuzz: no target ${values.target?.join(', ')}; there are ${targets.map(({ name }) => name).join(', ')}`,
    );
    return 2;
  }
  const seed = values.seed === undefined ? Math.floor(Math.random() * 0x1_0000_0000) : Number(values.seed);
  const milliseconds = (Number(values.seconds) * 1000) / chosen.length;
  let failed = 0;
  for (const { name } of chosen) {
    const passed = await fuzzTarget({
      target: name,
      seed,
      milliseconds,
      table: new URL('./targets/table.js', import.meta.url).href,
      seedsFolder: join(checkout, 'fuzz', 'seeds'),
      crashFolder: join(checkout, 'build', 'fuzz', 'crashes'),
      inputFile: values.input,
      iteration: values.iteration === undefined ? undefined : Number(values.iteration),
    });
    if (!passed) failed++;
  }
  return failed === 0 ? 0 : 1;
}
