/** Channel type tun@openssh.com (OpenSSH PROTOCOL §2.3): packets of a tunnel device. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** What a device carries: IP packets between two points, or ethernet frames. */
export type TunnelMode = 'point-to-point' | 'ethernet';

/** The modes on the wire. */
export const tunnelModes: Readonly<Record<TunnelMode, number>> = { 'point-to-point': 1, ethernet: 2 };

/** Asks for any device. */
export const anyTunnelUnit = 0x7fff_ffff;

/** Device numbers go up to this; the one above it is OpenSSH's mark of an error. */
export const largestTunnelUnit = 0x7fff_fffd;

export const tunOpenssh = {
  name: 'tun@openssh.com',
  feature: 'tunnel',
  sentBy: 'both',
  data: declareStructure('tun@openssh.com', { mode: fields.uint32, unit: fields.uint32 }),
} as const satisfies FeatureRow & { data: object };
