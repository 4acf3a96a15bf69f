/** Values as they cross from one of the server's processes to another: text that can hold nothing but plain data. */
import {
  type DisconnectReason,
  disconnectReasons,
  SshError,
  type SshErrorCode,
  type SshStage,
} from '@nacre/ssh/errors';

/**
 * Makes a value that JSON can carry. Node could carry the same by V8's own format, whose reader was not made for what a process
 * writes that somebody else has taken over.
 *
 * @throws TypeError for what is no plain data, a function say: it must not be lost in silence.
 */
export function pack(value: unknown): unknown {
  if (value === undefined) return { $: 'undefined' };
  if (typeof value === 'bigint') return { $: 'bigint', of: String(value) };
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $: 'number', of: String(value) };
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} cannot go to another process`);
  if (value instanceof Uint8Array) {
    return { $: 'bytes', of: Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') };
  }
  if (Array.isArray(value)) return value.map(pack);
  if (value instanceof Map) return { $: 'map', of: [...value].map((pair) => pair.map(pack)) };
  if (value instanceof Set) return { $: 'set', of: [...value].map(pack) };
  if (value instanceof Error) return { $: 'error', of: packError(value) };
  return { $: 'object', of: Object.entries(value).map(([name, field]) => [name, pack(field)]) };
}

/**
 * The value again.
 *
 * @throws TypeError for what `pack` does not write.
 */
export function unpack(packed: unknown): unknown {
  if (Array.isArray(packed)) return packed.map(unpack);
  if (typeof packed !== 'object' || packed === null) return packed;
  const { $: kind, of } = packed as { readonly $?: unknown; readonly of?: unknown };
  switch (kind) {
    case 'undefined':
      return undefined;
    case 'bigint':
      return BigInt(requireText(of));
    case 'number':
      return Number(requireText(of));
    case 'bytes':
      return Buffer.from(requireText(of), 'base64');
    case 'map':
      return new Map(pairsOf(of));
    case 'set':
      return new Set(requireList(of).map(unpack));
    case 'error':
      return unpackError(of);
    case 'object':
      // fromEntries defines its own fields: none of them reaches a prototype.
      return Object.fromEntries(pairsOf(of) as [string, unknown][]);
    default:
      throw new TypeError('this is no packed value');
  }
}

interface PackedError {
  readonly message: string;
  readonly code?: string;
  readonly stage?: string;
  readonly side?: 'peer' | 'local';
  readonly remedy?: string;
  readonly disconnect?: number;
  readonly farewell?: string;
  /** The system's name for it. */
  readonly system?: string;
}

function packError(error: Error): PackedError {
  if (!(error instanceof SshError)) return { message: error.message };
  const { message, code, stage, side, remedy, disconnect, farewell, cause } = error;
  const system = (cause as NodeJS.ErrnoException | undefined)?.code;
  return {
    ...{ message, code, stage, side },
    ...(remedy !== undefined && { remedy }),
    ...(disconnect !== undefined && { disconnect }),
    ...(farewell !== undefined && { farewell }),
    ...(typeof system === 'string' && { system }),
  };
}

function unpackError(of: unknown): Error {
  const { message = '', code, stage, side, remedy, disconnect, farewell, system } = (of ?? {}) as Partial<PackedError>;
  if (code === undefined || stage === undefined) return new Error(String(message).slice(0, maxMessage));
  const known = Object.values(disconnectReasons).find((reason) => reason === disconnect) as
    | DisconnectReason
    | undefined;
  return new SshError(String(message).slice(0, maxMessage), {
    code: String(code) as SshErrorCode,
    stage: String(stage) as SshStage,
    ...(side === 'peer' && { side }),
    ...(typeof remedy === 'string' && { remedy }),
    ...(known !== undefined && { disconnect: known }),
    ...(typeof farewell === 'string' && { farewell }),
    ...(typeof system === 'string' && { cause: Object.assign(new Error(system), { code: system }) }),
  });
}

const maxMessage = 4096;

function pairsOf(value: unknown): [unknown, unknown][] {
  return requireList(value).map((pair) => {
    const [name, field] = requireList(pair);
    return [unpack(name), unpack(field)];
  });
}

function requireText(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a packed value lacks its text');
  return value;
}

function requireList(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError('a packed value lacks its list');
  return value;
}
