/** Puts the explanation together: what was read, what came of it, and what is wrong with it. */
import type { JumpHost } from '@nacre/ssh/client';
import { shapeSettings } from '../ssh/config-json.ts';
import { dumpLines } from '../ssh/print-config.ts';
import type { Explanation, Problem } from './explanation.ts';
import { findHostLines } from './host-lines.ts';
import { findKeys } from './keys.ts';
import { probe } from './probe.ts';
import { findJumpHostProblems, findProblems } from './problems.ts';
import { type Asked, type Settled, settle } from './settle.ts';
import { findWay, hostFacts } from './way.ts';

export interface ExplainOptions {
  /** Look names up, and connect as far as the server's key. */
  readonly connect: boolean;
  /** Defaults, too. */
  readonly all: boolean;
  /** Told of lines that are wrong, before the call fails because of them. */
  readonly onMistake: (text: string) => void;
}

export async function explain(asked: Asked, options: ExplainOptions): Promise<Explanation> {
  const settled = await settle(asked, options.onMistake);
  const { config, files, blocks, withoutEffect } = settled;
  const hops = new Map<object, Settled>();
  const readJump = async (jump: JumpHost) => {
    const named = { host: jump.host, user: jump.user, port: jump.port };
    const hop = await settle({ ...asked, ...named, options: [], command: undefined }, options.onMistake);
    hops.set(hop.config, hop);
    return hop.config;
  };
  const way = await findWay(config, readJump);
  const { facts: knownHosts } = findHostLines(config, settled);
  const keys = await findKeys(config, settled);
  // The first host that is reached straight: those behind it are reached only by logging in.
  const nearest = way.configs[0] === undefined ? settled : hops.get(way.configs[0]);
  const isReachable = options.connect && way.facts.command === null && nearest !== undefined;
  const seen = isReachable ? await probe(nearest.config, nearest, findHostLines(nearest.config, nearest).files) : null;
  const lines = dumpLines({ ...settled, settings: config.settings });
  return {
    host: hostFacts(config),
    files,
    blocks,
    settings: shapeSettings(options.all ? lines : lines.filter(({ place }) => place !== undefined)),
    way: way.facts,
    keys,
    knownHosts,
    withoutEffect,
    problems: [
      ...findProblems({ config, blocks, knownHosts, keys, probe: seen }),
      ...way.configs.flatMap((hop) => problemsOfHop(hops.get(hop))),
    ],
    probe: seen,
  };
}

/** A host on the way is one that sees everything go by, where its key is not checked. */
function problemsOfHop(hop: Settled | undefined): Problem[] {
  if (hop === undefined) return [];
  const { config } = hop;
  const { facts: knownHosts } = findHostLines(config, hop);
  return findJumpHostProblems({ config, knownHosts }).map((problem) => ({
    ...problem,
    message: `jump host ${config.originalHost}: ${problem.message}`,
  }));
}
