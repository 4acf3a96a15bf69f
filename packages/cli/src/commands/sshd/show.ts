/** Prints settings as `sshd -T` does: a line a value, names in lower case. */
import type { Settings } from './config/config.ts';
import { algorithmKinds } from './keywords/_values.ts';
import { keywords } from './keywords/table.ts';

/** The lists that stand behind an unset keyword. */
const defaultLists: Readonly<Record<string, readonly string[]>> = {
  kexAlgorithms: algorithmKinds.kex.defaults,
  ciphers: algorithmKinds.cipher.defaults,
  macs: algorithmKinds.mac.defaults,
  hostKeyAlgorithms: algorithmKinds.hostKey.defaults,
  pubkeyAcceptedAlgorithms: algorithmKinds.signature.defaults,
  caSignatureAlgorithms: algorithmKinds.signature.defaults,
};

export function showSettings(settings: Settings): string {
  const lines = Object.entries(keywords).flatMap(([key, row]) =>
    format(key, settings[key as keyof Settings]).map((value) => `${row.name.toLowerCase()} ${value}`),
  );
  return `${lines.join('\n')}\n`;
}

function format(key: string, value: unknown): string[] {
  if (value === undefined) return [defaultLists[key]?.join(',') ?? (key.startsWith('permit') ? 'any' : 'none')];
  if (typeof value === 'boolean') return [value ? 'yes' : 'no'];
  if (key.endsWith('Ms')) return [String(Number(value) / 1000)];
  if (value instanceof Map)
    return [...value].map(([name, text]) => (key === 'setEnv' ? `${name}=${text}` : `${name} ${text}`));
  if (key === 'port' && Array.isArray(value) && value.length === 0) return ['22'];
  if (Array.isArray(value)) return value.map((entry) => formatEntry(entry));
  if (typeof value !== 'object' || value === null) return [String(value as string | number | null)];
  if ('names' in value) return [(value.names as readonly string[]).join(',')];
  if ('full' in value) return [Object.values(value).join(':')];
  const { bytes, ms } = value as { bytes?: number; ms?: number };
  return [`${bytes ?? 0} ${(ms ?? 0) / 1000}`];
}

function formatEntry(entry: unknown): string {
  if (Array.isArray(entry)) return entry.join(',');
  if (typeof entry !== 'object' || entry === null) return String(entry);
  const { host, port } = entry as { host: string; port?: number };
  return port === undefined ? host : `[${host}]:${port}`;
}
