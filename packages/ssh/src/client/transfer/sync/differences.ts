/** What tells a file from the one that stands at its target. */
import type { Facts } from '../side.ts';
import type { SyncChange } from './types.ts';

export interface ComparisonOptions {
  readonly compare: 'time' | 'hash';
  readonly toleranceSeconds: number;
  readonly times: boolean;
  readonly modes: boolean;
}

/** Permission bits that are taken over. */
const keptBits = 0o777;
const latestSecond = 0xffff_ffff;

/** Why a file has to be copied; undefined where its facts do not tell, and `by-hash` where its bytes have to. */
export function findDifference(
  source: Facts,
  target: Facts,
  { compare, toleranceSeconds }: ComparisonOptions,
): SyncChange['reason'] | 'by-hash' | undefined {
  if (target.kind !== 'file') return 'kind';
  if (source.size === undefined || source.size !== target.size) return 'size';
  if (compare === 'hash') return source.size === 0 ? undefined : 'by-hash';
  return hasSameTime(source, target, toleranceSeconds) ? undefined : 'time';
}

/** Whether times or modes have to be set where the bytes are the same. */
export function needsAttributes(source: Facts, target: Facts, options: ComparisonOptions): boolean {
  if (options.modes && source.mode !== undefined && target.mode !== undefined) {
    if ((source.mode & keptBits) !== (target.mode & keptBits)) return true;
  }
  return options.times && !hasSameTime(source, target, options.toleranceSeconds);
}

/** In the whole seconds that the protocol has, from 1970 on and up to 2106. */
function hasSameTime(source: Facts, target: Facts, toleranceSeconds: number): boolean {
  if (source.times === undefined || target.times === undefined) return false;
  const seconds = ({ modified }: { readonly modified: number }) =>
    Math.min(Math.max(Math.floor(modified), 0), latestSecond);
  return Math.abs(seconds(source.times) - seconds(target.times)) <= toleranceSeconds;
}
