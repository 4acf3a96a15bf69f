/** The one switch that forbids everything there is to forbid; its list is computed from the tables. */

import { channelTypes } from './channels/table.ts';
import type { Feature, FeatureRow } from './feature.ts';
import { globalRequests } from './global-requests/table.ts';
import { channelRequests } from './requests/table.ts';

/** All rows of all tables. */
export const allRows: readonly FeatureRow[] = [...channelTypes, ...channelRequests, ...globalRequests];

/**
 * Every feature any row needs. "restrict" in authorized_keys starts from a session that has none of these, and
 * DisableForwarding from one that has at most `pty` (OpenSSH CVE-2025-32728, CVE-2026-73283: lists kept by hand missed
 * X11, agent and tunnel).
 */
export const allFeatures: ReadonlySet<Feature> = new Set(
  allRows.map((row) => row.feature).filter((feature) => feature !== undefined),
);

/** Every feature that forwards something: all but the terminal. */
export const forwardingFeatures: ReadonlySet<Feature> = new Set(
  [...allFeatures].filter((feature) => feature !== 'pty'),
);

const channelRows = new Map(channelTypes.map((row) => [row.name, row]));
const requestRows = new Map(channelRequests.map((row) => [row.name, row]));
const globalRows = new Map(globalRequests.map((row) => [row.name, row]));

/**
 * Whether a peer in role `sender` may send this at all, given the features it was granted. A name in no table is not
 * permitted: a policy must know what it permits.
 */
export function isPermitted(
  kind: 'channel' | 'request' | 'global-request',
  name: string,
  sender: 'client' | 'server',
  granted: ReadonlySet<Feature>,
): boolean {
  const row = { channel: channelRows, request: requestRows, 'global-request': globalRows }[kind].get(name);
  if (row === undefined) return false;
  if (row.sentBy !== 'both' && row.sentBy !== sender) return false;
  return row.feature === undefined || granted.has(row.feature);
}
