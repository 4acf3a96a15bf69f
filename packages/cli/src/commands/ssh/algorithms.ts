/** Algorithm lists of the configuration, settled against what nacre knows; what it lacks is told in the log. */
import {
  type AlgorithmKindName,
  type AlgorithmNames,
  type AlgorithmSpec,
  algorithmKinds,
  type ClientKeyword,
  type ClientSettings,
  resolveAlgorithmList,
} from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import type { AlgorithmOptions } from '@nacre/ssh/transport';
import { FatalError } from './end.ts';
import type { Log } from './log.ts';

type ListKeyword =
  | 'ciphers'
  | 'macs'
  | 'kexAlgorithms'
  | 'hostKeyAlgorithms'
  | 'pubkeyAcceptedAlgorithms'
  | 'hostbasedAcceptedAlgorithms'
  | 'caSignatureAlgorithms';

const kindOf: Readonly<Record<ListKeyword, AlgorithmKindName>> = {
  ciphers: 'cipher',
  macs: 'mac',
  kexAlgorithms: 'kex',
  hostKeyAlgorithms: 'hostKey',
  pubkeyAcceptedAlgorithms: 'signature',
  hostbasedAcceptedAlgorithms: 'signature',
  caSignatureAlgorithms: 'caSignature',
};

/** What connect() is to offer; a list that nobody configured stays its default. */
export function chooseAlgorithms(settings: ClientSettings, log: Log): AlgorithmOptions {
  const cipher = settle('ciphers', settings, log);
  const mac = settle('macs', settings, log);
  const kex = settle('kexAlgorithms', settings, log);
  return {
    ...(cipher && { cipher }),
    ...(mac && { mac }),
    ...(kex && { kex }),
    ...(settings.compression && { compression: ['zlib@openssh.com', 'none'] }),
  };
}

/** The host key algorithms to offer; whether their order is the person's own, or may follow what known_hosts has. */
export function chooseHostKeyAlgorithms(
  settings: ClientSettings,
  log: Log,
): { names: readonly string[] | undefined; mayReorder: boolean } {
  const names = settle('hostKeyAlgorithms', settings, log);
  return { names, mayReorder: names === undefined || /^[+-]/.test(settings.hostKeyAlgorithms?.text ?? '') };
}

/** Signature algorithms for login. */
export function chooseSignatureAlgorithms(settings: ClientSettings, log: Log): readonly string[] | undefined {
  return settle('pubkeyAcceptedAlgorithms', settings, log);
}

/** Every list as it is used, defaults too, for `-G`. */
export function allAlgorithms(settings: ClientSettings): Partial<Record<ClientKeyword, readonly string[]>> {
  const lists: Partial<Record<ClientKeyword, readonly string[]>> = {};
  for (const keyword of Object.keys(kindOf) as ListKeyword[]) {
    lists[keyword] = resolve(settings[keyword], keyword).names;
  }
  return lists;
}

/** What is wrong in a list ends ssh in OpenSSH's words. */
function resolve(spec: AlgorithmSpec | undefined, keyword: ListKeyword): AlgorithmNames {
  try {
    return resolveAlgorithmList(spec, algorithmKinds('client')[kindOf[keyword]]);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    throw new FatalError(error.message, { always: true });
  }
}

/** Undefined where nobody configured the list. */
function settle(keyword: ListKeyword, settings: ClientSettings, log: Log): readonly string[] | undefined {
  const spec = settings[keyword];
  if (spec === undefined) return undefined;
  const { names, lacking } = resolve(spec, keyword);
  for (const name of lacking) {
    log.debug(1, `${spec.place.file} line ${spec.place.line}: ${name} is not supported and left out`);
  }
  return names;
}
