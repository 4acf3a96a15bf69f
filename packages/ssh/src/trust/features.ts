/** The one list of everything a login may be forbidden; `restrict` and certificates without extensions switch off all of it. */

/** One thing that a login may use. */
export interface FeatureRow {
  /** As authorized_keys spells it; `no-<name>` switches it off. */
  readonly name: string;
  /** The certificate extension that grants it (PROTOCOL.certkeys). */
  readonly extension: string;
  /** Whether the bare name as an option gives it back after `restrict`. */
  readonly option: boolean;
  /** Channel types, channel requests and global requests of the peer that need it. Everything not listed here needs none. */
  readonly governs: readonly string[];
}

/**
 * Adding a way out of the session means adding its name here, so that no switch can miss it (OpenSSH CVE-2026-73283,
 * CVE-2025-32728: `restrict` and DisableForwarding that left tunnels, X11 or the agent open).
 */
export const features = [
  { name: 'pty', extension: 'permit-pty', option: true, governs: ['pty-req'] },
  {
    name: 'port-forwarding',
    extension: 'permit-port-forwarding',
    option: true,
    governs: [
      'direct-tcpip',
      'tcpip-forward',
      'forwarded-tcpip',
      'direct-streamlocal@openssh.com',
      'streamlocal-forward@openssh.com',
      'forwarded-streamlocal@openssh.com',
    ],
  },
  {
    name: 'agent-forwarding',
    extension: 'permit-agent-forwarding',
    option: true,
    governs: ['auth-agent-req@openssh.com', 'auth-agent@openssh.com', 'agent-req', 'agent-connect'],
  },
  { name: 'X11-forwarding', extension: 'permit-X11-forwarding', option: true, governs: ['x11-req', 'x11'] },
  { name: 'user-rc', extension: 'permit-user-rc', option: true, governs: [] },
  // A tunnel carries any traffic, so whoever may not forward ports may not open one; only tunnel="n" gives it back.
  { name: 'tunnel', extension: 'permit-port-forwarding', option: false, governs: ['tun@openssh.com'] },
] as const satisfies readonly FeatureRow[];

export type Feature = (typeof features)[number]['name'];

export type FeatureFlags = Readonly<Record<Feature, boolean>>;

/** All features on, or all off. */
export function allFeatures(allowed: boolean): Record<Feature, boolean> {
  return Object.fromEntries(features.map((row) => [row.name, allowed])) as Record<Feature, boolean>;
}

/** The feature that a channel type or request needs; undefined where it needs none. */
export function featureFor(channelTypeOrRequest: string): Feature | undefined {
  return features.find((row) => (row.governs as readonly string[]).includes(channelTypeOrRequest))?.name;
}
