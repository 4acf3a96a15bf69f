/** @nacre/ssh/transfer: files and trees between here and servers, and between servers. */

export { foldLocalName, requireLocalName } from './local-names.ts';
export {
  type FilterOptions,
  type RemotePlace,
  type SyncChange,
  type SyncEvent,
  type SyncOptions,
  type SyncReport,
  sync,
} from './sync/index.ts';
export { copy, get, put } from './transfer.ts';
export type {
  ReconnectOptions,
  SkipReason,
  TransferEvent,
  TransferFailure,
  TransferFile,
  TransferOptions,
  TransferProgress,
  TransferReport,
} from './types.ts';
