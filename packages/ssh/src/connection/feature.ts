/** Features of a connection that an administrator may forbid, named as authorized_keys names them. */

/**
 * What a channel type or request needs permission for. `streamlocal-forwarding` goes with `port-forwarding` in
 * authorized_keys; sshd_config has a keyword for each.
 */
export type Feature =
  | 'port-forwarding'
  | 'streamlocal-forwarding'
  | 'agent-forwarding'
  | 'X11-forwarding'
  | 'tunnel'
  | 'pty';

/** A row of the tables of channel types, channel requests and global requests. */
export interface FeatureRow {
  /** The name on the wire. */
  readonly name: string;
  /** The feature it needs; undefined for what belongs to every connection. */
  readonly feature: Feature | undefined;
  /** Which role may send it; a peer in the other role is refused without asking anyone. */
  readonly sentBy: 'client' | 'server' | 'both';
}
