/** Which lines of the known_hosts files know the host. */
import { readFileSync, statSync } from 'node:fs';
import { type Expansion, expandPath, orEmpty } from '@nacre/ssh/client';
import type { ClientConfig } from '@nacre/ssh/config';
import { formatHostName, type KnownHosts, type KnownHostsEntry, parseKnownHosts } from '@nacre/ssh/trust';
import { readKeyFacts } from '../keys/inventory/key-facts.ts';
import type { FileFact, KnownHostLine, KnownHostsFacts } from './explanation.ts';

export interface FoundHostLines {
  readonly facts: KnownHostsFacts;
  readonly files: readonly KnownHosts[];
}

export function findHostLines({ host, settings }: ClientConfig, expansion: Expansion): FoundHostLines {
  const { port, hostKeyAlias, userKnownHostsFile, globalKnownHostsFile } = settings;
  const paths = [
    ...orEmpty(userKnownHostsFile).map((file) => expandPath(file, expansion, 'UserKnownHostsFile')),
    ...orEmpty(globalKnownHostsFile).map((file) => expandPath(file, expansion, 'GlobalKnownHostsFile')),
  ];
  const name = hostKeyAlias ?? formatHostName(host, port);
  const facts: FileFact[] = [];
  const files: KnownHosts[] = [];
  const lines: KnownHostLine[] = [];
  for (const file of new Set(paths)) {
    const bytes = readBytes(file);
    facts.push({ file, state: bytes === undefined ? 'absent' : 'read' });
    if (bytes === undefined) continue;
    const known = parseKnownHosts(bytes, { name: file });
    files.push(known);
    lines.push(...known.find(name).map((entry) => lineFact(entry, false)));
    if (name !== host && hostKeyAlias === undefined)
      lines.push(...known.find(host).map((entry) => lineFact(entry, true)));
  }
  return { facts: { name, files: facts, lines }, files };
}

/** Nothing but files: a pipe would hold us up, and /dev/null is the usual "none". */
function readBytes(path: string): Buffer | undefined {
  try {
    return statSync(path).isFile() ? readFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}

function lineFact(entry: KnownHostsEntry, isWithoutPort: boolean): KnownHostLine {
  return {
    file: entry.file,
    line: entry.line,
    type: entry.keyType,
    fingerprint: readKeyFacts(entry.blob).fingerprint,
    marker: entry.marker ?? null,
    isHashed: entry.hashed,
    isWithoutPort,
  };
}
