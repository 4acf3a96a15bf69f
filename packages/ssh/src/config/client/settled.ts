/** The settings for one host, as they were settled. */
import type { ConfigPlace } from '../place.ts';
import type { ClientKeyword, ClientSettings } from './keywords.ts';

export interface ClientConfig {
  readonly settings: ClientSettings;
  /** As it was typed. */
  readonly originalHost: string;
  /** The name or address to connect to. */
  readonly host: string;
  readonly user: string;
  /** Where each value that somebody gave was said; defaults are not in it. */
  readonly origins: ReadonlyMap<ClientKeyword, readonly ConfigPlace[]>;
}
