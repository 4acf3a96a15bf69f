/** How a host is written in known_hosts. */

/** A host as it is written in known_hosts: bare at port 22, `[host]:port` elsewhere. */
export function formatHostName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}
