/** What forwards that outlive their connection tell about it. */
import type { Forward } from '../config/index.ts';
import type { SshError } from '../errors.ts';
import type { ClientConnection } from './client-connection.ts';

/** What happens to the connection, and to remote forwards with it. */
export type KeptEvent =
  | { readonly kind: 'lost'; readonly error: SshError }
  | { readonly kind: 'retrying'; readonly attempt: number; readonly inMs: number }
  | { readonly kind: 'failed'; readonly attempt: number; readonly error: SshError }
  | { readonly kind: 'restored'; readonly reconnects: number; readonly connection: ClientConnection }
  | { readonly kind: 'remote-restored'; readonly forward: Forward; readonly listen: Forward['listen'] }
  | {
      readonly kind: 'remote-refused';
      readonly forward: Forward;
      readonly error: SshError;
      readonly retryInMs: number;
    };
