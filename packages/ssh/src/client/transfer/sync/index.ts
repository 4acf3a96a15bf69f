/** One way, only what differs. */

export type { FilterOptions } from './filter.ts';
export { sync } from './sync.ts';
export type { RemotePlace, SyncChange, SyncEvent, SyncOptions, SyncReport } from './types.ts';
