/** The way to the host: which jump hosts, where each of them really is, and the proxy command. */
import { type JumpHost, jumpHostsOf, proxyCommandOf } from '@nacre/ssh/client';
import type { ClientConfig } from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import type { HostFacts, WayFacts } from './explanation.ts';

export interface FoundWay {
  readonly facts: WayFacts;
  /** The settings of the jump hosts, in the same order. */
  readonly configs: readonly ClientConfig[];
}

/** As in the library: somewhere a way through jump hosts of jump hosts must end. */
const maxJumpHosts = 16;

/** @param readJump - the settings that the files have for a jump host. */
export async function findWay(
  config: ClientConfig,
  readJump: (jump: JumpHost) => Promise<ClientConfig>,
  depth = 0,
): Promise<FoundWay> {
  const jumps = jumpHostsOf(config);
  const command = jumps.length === 0 ? proxyCommandOf(config) : undefined;
  if (jumps.length === 0) {
    const kind = command === undefined ? 'straight' : 'command';
    return { facts: { kind, jumpHosts: [], command: command ?? null }, configs: [] };
  }
  if (depth + jumps.length > maxJumpHosts) {
    throw new SshError(`More than ${maxJumpHosts} jump hosts lead to ${config.originalHost}.`, {
      code: 'limit-exceeded',
      stage: 'config',
      remedy: 'Look for jump hosts whose own ProxyJump leads back to themselves; "ProxyJump none" ends such a circle.',
    });
  }
  const own = await Promise.all(jumps.map(readJump));
  // The first one is reached by its own settings, those after it through the one before.
  const first = await findWay(own[0] as ClientConfig, readJump, depth + 1);
  return {
    facts: {
      kind: 'jump-hosts',
      jumpHosts: [...first.facts.jumpHosts, ...own.map(hostFacts)],
      command: first.facts.command,
    },
    configs: [...first.configs, ...own],
  };
}

export function hostFacts({ originalHost, host, user, settings }: ClientConfig): HostFacts {
  return { typed: originalHost, name: host, port: settings.port, user };
}
