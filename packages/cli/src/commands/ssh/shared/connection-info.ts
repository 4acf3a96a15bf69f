/** -O conninfo --json: the text that a master gives, ours or OpenSSH's, read into fields. */

export type ConnectionInfo = Readonly<Record<string, string | number | Readonly<Record<string, number>>>>;

/**
 * The first line names host and process, every other one is a word and its value. What a later OpenSSH adds is there under the
 * name it gives.
 *
 * @example
 * readConnectionInfo(text) // { host: 'web', pid: 42, tcp: '192.0.2.1:22', cipher: 'aes128-gcm@openssh.com', … }
 */
export function readConnectionInfo(text: string): ConnectionInfo {
  const [first = '', ...rest] = text.split(/\r?\n/);
  const info: Record<string, ConnectionInfo[string]> = {};
  const [, host, pid] = /^Connection information for (.*) pid (\d+)$/.exec(first) ?? [];
  if (host !== undefined) Object.assign(info, { host, pid: Number(pid) });
  for (const line of rest) {
    const [, name, value] = /^\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined || Object.hasOwn(info, name)) continue;
    Object.defineProperty(info, name, { value: readValue(name, value), enumerable: true });
  }
  return info;
}

function readValue(name: string, value: string): ConnectionInfo[string] {
  const traffic = name === 'traffic' ? /^(\d+) bytes in, (\d+) bytes out$/.exec(value) : null;
  return traffic === null ? value : { receivedBytes: Number(traffic[1]), sentBytes: Number(traffic[2]) };
}
