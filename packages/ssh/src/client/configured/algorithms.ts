/** Algorithm lists of the configuration, settled against what is built here. */
import {
  type AlgorithmKindName,
  type AlgorithmNames,
  algorithmKinds,
  type ClientKeyword,
  type ClientSettings,
  resolveAlgorithmList,
} from '../../config/index.ts';
import type { AlgorithmOptions } from '../../transport/index.ts';
import type { ConfiguredNews } from './callbacks.ts';

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

/**
 * What connect() is to offer; a list that nobody configured stays its default.
 *
 * @throws SshError `bad-file` for a name that nobody knows, and for a list of which nothing is left.
 */
export function configuredAlgorithms(
  settings: ClientSettings,
  news: Pick<ConfiguredNews, 'log'> = {},
): AlgorithmOptions {
  const cipher = settleAlgorithms('ciphers', settings, news);
  const mac = settleAlgorithms('macs', settings, news);
  const kex = settleAlgorithms('kexAlgorithms', settings, news);
  return {
    ...(cipher && { cipher }),
    ...(mac && { mac }),
    ...(kex && { kex }),
    ...(settings.compression && { compression: ['zlib@openssh.com', 'none'] }),
  };
}

/** One list as it is to be used; undefined where nobody configured it. What is lacking here is told and left out. */
export function settleAlgorithms(
  keyword: ListKeyword,
  settings: ClientSettings,
  { log }: Pick<ConfiguredNews, 'log'>,
): readonly string[] | undefined {
  const spec = settings[keyword];
  if (spec === undefined) return undefined;
  const { names, lacking } = resolve(settings, keyword);
  for (const name of lacking) {
    log?.('debug1', `${spec.place.file} line ${spec.place.line}: ${name} is not supported and left out`);
  }
  return names;
}

/** Every list as it is used, defaults too, for a dump of the settings. */
export function allAlgorithms(settings: ClientSettings): Partial<Record<ClientKeyword, readonly string[]>> {
  const lists: Partial<Record<ClientKeyword, readonly string[]>> = {};
  for (const keyword of Object.keys(kindOf) as ListKeyword[]) lists[keyword] = resolve(settings, keyword).names;
  return lists;
}

function resolve(settings: ClientSettings, keyword: ListKeyword): AlgorithmNames {
  return resolveAlgorithmList(settings[keyword], algorithmKinds('client')[kindOf[keyword]]);
}
