/** Who is at the other end of a server's connection. */

/** Facts of a connection that decisions may look at. */
export interface Peer {
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** What the client calls itself; empty until it did. */
  readonly identification: string;
  /** The client's host name, where `lookUpHostName` found one. */
  readonly hostName?: string | undefined;
  /** The network device or routing domain that its socket is bound to, where `routingDomainOf` tells; empty for none. */
  readonly routingDomain?: string | undefined;
  /** It comes from a balancer that speaks for nobody (PROXY protocol): its health check, or a client that it cannot name. */
  readonly isBalancer?: boolean;
}

/** What is known of a peer grows while it is served. */
export type SeenPeer = { -readonly [Field in keyof Peer]: Peer[Field] };
