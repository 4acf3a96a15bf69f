/** Rules of permitopen= and permitlisten=: a host and a port, either of which may be free. */
import { isIPv6 } from 'node:net';
import { matchPattern } from './patterns.ts';

export interface ForwardRule {
  readonly host: string;
  readonly port: number | 'any';
}

/**
 * Parses `host:port`, `[2001:db8::1]:port`, `host:*`.
 *
 * @param hostOptional - permitlisten also takes a bare port, which means any host.
 * @returns the rule, or undefined where the text is none.
 */
export function parseForwardRule(text: string, hostOptional: boolean): ForwardRule | undefined {
  if (hostOptional && !text.includes(':')) {
    const port = parsePort(text);
    return port === undefined ? undefined : { host: '*', port };
  }
  const parts = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):([^:]+)$/.exec(text);
  if (parts === null) return undefined;
  const [, bracketed, bare, portText = ''] = parts;
  const port = parsePort(portText);
  const host = bracketed ?? bare;
  return port === undefined || host === undefined ? undefined : { host, port };
}

/**
 * Whether a rule covers a host and port.
 *
 * @param hosts - permitopen compares host names as they are, and `*` alone stands for any; permitlisten takes patterns.
 */
export function matchesForwardRule(
  rule: ForwardRule,
  host: string,
  port: number,
  hosts: 'literal' | 'pattern',
): boolean {
  if (rule.port !== 'any' && rule.port !== port) return false;
  if (rule.host === '*') return true;
  if (hosts === 'pattern' && !isIPv6(rule.host)) return matchPattern(host.toLowerCase(), rule.host.toLowerCase());
  return rule.host.toLowerCase() === host.toLowerCase();
}

function parsePort(text: string): number | 'any' | undefined {
  if (text === '*') return 'any';
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  return port > 0 && port < 65536 ? port : undefined;
}
