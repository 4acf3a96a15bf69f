/** What the workloads about files share: a get and a put of the same payload, checked. */
import { measure } from '../command.ts';
import type { RunningFilePair } from '../file-pairs.ts';
import { type Payload, placeFor, requireCopy } from '../file-payload.ts';
import type { Measure, Sample } from '../table.ts';

/** Columns of a get and a put, whose speed is counted in `unit`. */
export function transferMeasures(unit: string, digits: number, cpuUnit: string): readonly Measure[] {
  return [
    { key: 'get', title: `get ${unit}`, digits, ratio: true },
    { key: 'getClient', title: `cpu c ${cpuUnit}`, digits: 2 },
    { key: 'getServer', title: `cpu s ${cpuUnit}`, digits: 2 },
    { key: 'put', title: `put ${unit}`, digits, ratio: true },
    { key: 'putClient', title: `cpu c ${cpuUnit}`, digits: 2 },
    { key: 'putServer', title: `cpu s ${cpuUnit}`, digits: 2 },
    { key: 'others', title: 'others', digits: 2 },
  ];
}

export interface TransferSettings {
  /** How much was done, in the unit of the columns. */
  readonly amount: number;
  /** Processor time is shown divided by this. */
  readonly cpuAmount: number;
}

/** Gets and puts the payload; what arrived is compared each time, outside of what is measured. */
export async function transfer(
  pair: RunningFilePair,
  payload: Payload,
  { amount, cpuAmount }: TransferSettings,
): Promise<Sample> {
  const server = pair.testServer;
  const speeds: Record<string, number> = {};
  let others = 0;
  for (const kind of ['get', 'put'] as const) {
    const to = placeFor(kind);
    const recursive = payload.files > 1;
    const result = await measure(pair.argv({ kind, from: payload.path, to, recursive }), {
      server,
      timeoutMs: 600_000,
    });
    requireCopy(to, payload, `${pair.name}: ${kind}`);
    placeFor(kind);
    speeds[kind] = amount / result.seconds;
    speeds[`${kind}Client`] = result.clientCpu / cpuAmount;
    speeds[`${kind}Server`] = result.serverCpu / cpuAmount;
    others = Math.max(others, result.others);
  }
  return { ...speeds, others };
}
