/** TunnelDevice: which tunnel devices -w joins. */
import { ValueError } from '../place.ts';
import { type KeywordRow, single } from '../values.ts';

/** Local and remote device numbers, `any` for whichever is free. */
export const tunnelDevice: KeywordRow<string> = single(
  'TunnelDevice',
  'any:any',
  (word) => {
    const units = parseTunnelDevice(word);
    if (units === undefined) throw new ValueError('Bad tun device.');
    return formatTunnelDevice(units);
  },
  (devices) => devices,
);

/** Two tunnel devices by their numbers; undefined is whichever is free. */
export interface TunnelUnits {
  readonly local: number | undefined;
  readonly remote: number | undefined;
}

/** OpenSSH keeps the two numbers above it for "any" and "error". */
const largestTunnelUnit = 0x7fff_fffd;

/** `local[:remote]`, each a number or `any`, as -w and TunnelDevice have it; undefined for anything else. */
export function parseTunnelDevice(text: string): TunnelUnits | undefined {
  const found = /^(any|\d{1,10})(?::(any|\d{1,10}))?$/i.exec(text);
  if (found === null) return undefined;
  const [local, remote] = found
    .slice(1)
    .map((word) => (word === undefined || /any/i.test(word) ? undefined : Number(word)));
  return Math.max(local ?? 0, remote ?? 0) > largestTunnelUnit ? undefined : { local, remote };
}

/** The same as `ssh -G` prints it. */
export function formatTunnelDevice({ local, remote }: TunnelUnits): string {
  return `${local ?? 'any'}:${remote ?? 'any'}`;
}
