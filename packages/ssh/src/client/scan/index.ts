/** @nacre/ssh/scan: the host keys of many servers at once. */
export { formatHostName } from '../../trust/host-name.ts';
export { parseAddressRange } from './address-range.ts';
export { type HostKeyKind, type HostKeyKindRow, hostKeyKinds } from './kinds.ts';
export { type ScanOptions, type ScanResult, type ScanTarget, scanHostKeys } from './scan.ts';
