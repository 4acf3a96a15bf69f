/** `npm run fuzz:live -- --seconds 600`: half-right clients against bin/sshd, from a seed that is printed. */
import { parseArgs } from 'node:util';
import { cleanUp } from '../../test/harness/cleanup.ts';
import { fuzzLiveServer } from './run.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, width: { type: 'string' } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 0x1_0000_0000) : Number(values.seed);
console.log(`seed ${seed}: --seed ${seed} runs the same connections again`);
try {
  const report = await fuzzLiveServer({
    seed,
    seconds: Number(values.seconds),
    ...(values.width !== undefined && { width: Number(values.width) }),
    print: (line) => console.log(line),
  });
  const {
    connections,
    logins,
    harmed,
    goodLogins,
    slowestGoodLoginMs,
    settledBytes,
    restedBytes,
    grownBytes,
    failures,
  } = report;
  const mib = (bytes: number | undefined) => `${((bytes ?? 0) / 2 ** 20).toFixed(1)} MiB`;
  console.log(
    `${connections} connections, ${logins} logged in, ${harmed} messages harmed; ` +
      `${goodLogins} good logins, the slowest ${Math.round(slowestGoodLoginMs)} ms; ` +
      `memory ${mib(settledBytes[0])} at first, ${mib(settledBytes.at(-1))} at last, ` +
      (restedBytes.length > 0 ? `${restedBytes.map(mib).join(', ')} after rests, ` : '') +
      `${mib(grownBytes)} grown over the second half`,
  );
  for (const failure of failures) console.log(`FAILED ${failure}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  await cleanUp();
}
