/** What plain TCP gets out of the long path: the first table of every workload that goes over it. */
import { longPath, measurePath } from '../long-path.ts';
import { type Measure, measureInTurns, type Table } from '../table.ts';
import type { BenchSettings } from './types.ts';

const pathMeasures: readonly Measure[] = [
  { key: 'speed', title: 'MB/s', digits: 1 },
  { key: 'share', title: 'of the rate', digits: 3 },
  { key: 'roundTrip', title: 'round trip ms', digits: 1 },
];

/** Sends so many bytes a sample. */
export function pathTable({ repetitions, progress }: BenchSettings, bytes: number): Promise<Table> {
  const sample = async () => {
    const { megabytesPerSecond, roundTripMs } = await measurePath(bytes);
    const share = (megabytesPerSecond * 1e6) / longPath.bytesPerSecond;
    return { speed: megabytesPerSecond, share, roundTrip: roundTripMs };
  };
  return measureInTurns('plain TCP', pathMeasures, [{ name: 'plain TCP', sample }], repetitions, progress);
}
