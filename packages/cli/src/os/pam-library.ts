/** libpam's calls, bound through koffi, with memory as PAM wants it: what the conversation gives is PAM's to free. */
import { SshError } from '@nacre/ssh/errors';
import type { Koffi } from './platform.ts';

export type PamLibrary = ReturnType<typeof bindPam>;
export type PamCall =
  | 'pam_authenticate'
  | 'pam_acct_mgmt'
  | 'pam_chauthtok'
  | 'pam_setcred'
  | 'pam_open_session'
  | 'pam_close_session';

const PAM_BUF_ERR = 5;
const PAM_CONV_ERR = 19;

/** struct pam_message and struct pam_response: an int and a pointer, in either order. Every platform of ours has 64 bits. */
const pointerBytes = 8;
const messageBytes = 16;
const responseBytes = 16;
/** PAM_MAX_NUM_MSG. */
const maxAtOnce = 32;

type RawMessage = { readonly style: number; readonly text: string };

/** @throws SshError `unsupported` where there is no libpam. */
export function bindPam(koffi: Koffi) {
  const { lib, libc } = loadLibraries(koffi);
  const malloc = libc.func('void *malloc(size_t size)');
  const calloc = libc.func('void *calloc(size_t count, size_t size)');
  const free = libc.func('void free(void *memory)');
  const memcpy = libc.func('void *memcpy(void *to, void *from, size_t size)');
  const strnlen = libc.func('size_t strnlen(void *text, size_t most)');
  const conversationType = koffi.pointer(
    koffi.proto('nacre_pam_conversation', 'int', ['int', 'void *', 'void *', 'void *']),
  );
  const delayType = koffi.pointer(koffi.proto('nacre_pam_delay', 'void', ['int', 'uint32_t', 'void *']));
  const pamStart = lib.func('int pam_start(str service, str user, void *conversation, void *handle)');
  const pamEnd = lib.func('int pam_end(void *handle, int status)');
  const setItem = lib.func('pam_set_item', 'int', ['void *', 'int', 'void *']);
  const getItem = lib.func('int pam_get_item(void *handle, int item, void *value)');
  const pamPutenv = lib.func('int pam_putenv(void *handle, str variable)');
  const getenvlist = lib.func('void *pam_getenvlist(void *handle)');
  const strerror = lib.func('str pam_strerror(void *handle, int code)');
  const calls = new Map<PamCall, (handle: bigint, flags: number) => number>();

  const pointerAt = (address: bigint, index: number): bigint => {
    const bytes = Buffer.alloc(pointerBytes);
    memcpy(bytes, address + BigInt(index * pointerBytes), pointerBytes);
    return bytes.readBigUInt64LE();
  };
  const textAt = (address: bigint, most: number): string => {
    if (address === 0n) return '';
    const bytes = Buffer.alloc(Number(strnlen(address, most)));
    if (bytes.length > 0) memcpy(bytes, address, bytes.length);
    return bytes.toString('utf8');
  };
  const readMessage = (address: bigint, maxTextBytes: number): RawMessage => {
    const bytes = Buffer.alloc(messageBytes);
    memcpy(bytes, address, messageBytes);
    return { style: bytes.readInt32LE(0), text: textAt(bytes.readBigUInt64LE(pointerBytes), maxTextBytes) };
  };
  /** A copy that PAM frees; 0 where there is no memory. */
  const copyOf = (text: string): bigint => {
    const bytes = Buffer.from(`${text}\0`, 'utf8');
    const copy = BigInt(malloc(bytes.length) ?? 0n);
    if (copy !== 0n) memcpy(copy, bytes, bytes.length);
    bytes.fill(0);
    return copy;
  };
  const giveResponses = (answers: readonly (string | undefined)[], place: bigint): number => {
    const responses = BigInt(calloc(answers.length, responseBytes) ?? 0n);
    if (responses === 0n) return PAM_BUF_ERR;
    const pointer = Buffer.alloc(pointerBytes);
    for (const [i, answer] of answers.entries()) {
      if (answer === undefined) continue;
      pointer.writeBigUInt64LE(copyOf(answer));
      memcpy(responses + BigInt(i * responseBytes), pointer, pointerBytes);
    }
    pointer.writeBigUInt64LE(responses);
    memcpy(place, pointer, pointerBytes);
    return 0;
  };

  return {
    /** Gives the handle, or the error's number. */
    start(service: string, user: string, conversation: bigint): bigint | number {
      const pair = Buffer.alloc(2 * pointerBytes);
      pair.writeBigUInt64LE(conversation);
      const handle = Buffer.alloc(pointerBytes);
      const status: number = pamStart(service, user, pair, handle);
      return status === 0 ? handle.readBigUInt64LE() : status;
    },

    /** @param answerAll - gives an answer for each message, or undefined where the conversation is over. */
    registerConversation(
      maxTextBytes: number,
      answerAll: (messages: readonly RawMessage[]) => readonly (string | undefined)[] | undefined,
    ): bigint {
      const converse = (count: number, messages: bigint, responses: bigint): number => {
        try {
          if (count < 1 || count > maxAtOnce) return PAM_CONV_ERR;
          const read = Array.from({ length: count }, (_, i) => readMessage(pointerAt(messages, i), maxTextBytes));
          const answers = answerAll(read);
          return answers === undefined ? PAM_CONV_ERR : giveResponses(answers, responses);
        } catch {
          // An exception must not pass through PAM.
          return PAM_CONV_ERR;
        }
      };
      return koffi.register(converse, conversationType);
    },

    registerDelay(onDelay: (status: number, microseconds: number) => void): bigint {
      return koffi.register((status: number, microseconds: number) => onDelay(status, microseconds), delayType);
    },

    unregister: (callback: bigint) => koffi.unregister(callback),

    call(name: PamCall, handle: bigint, flags: number): number {
      let call = calls.get(name);
      if (call === undefined) {
        call = lib.func(`int ${name}(void *handle, int flags)`) as (handle: bigint, flags: number) => number;
        calls.set(name, call);
      }
      return call(handle, flags);
    },

    end: (handle: bigint, status: number): number => pamEnd(handle, status),
    describe: (handle: bigint, code: number): string => String(strerror(handle, code) ?? `error ${code}`),
    setText: (handle: bigint, item: number, text: string): number =>
      setItem(handle, item, Buffer.from(`${text}\0`, 'utf8')),
    setPointer: (handle: bigint, item: number, pointer: bigint): number => setItem(handle, item, pointer),
    getText(handle: bigint, item: number, most: number): string {
      const value = Buffer.alloc(pointerBytes);
      return getItem(handle, item, value) === 0 ? textAt(value.readBigUInt64LE(), most) : '';
    },
    putenv: (handle: bigint, variable: string): number => pamPutenv(handle, variable),

    environment(handle: bigint, maxVariables: number, maxBytes: number): string[] {
      const list = BigInt(getenvlist(handle) ?? 0n);
      if (list === 0n) return [];
      const lines: string[] = [];
      for (let i = 0; ; i++) {
        const line = pointerAt(list, i);
        if (line === 0n) break;
        if (i < maxVariables) lines.push(textAt(line, maxBytes));
        free(line);
      }
      free(list);
      return lines;
    },
  };
}

function loadLibraries(koffi: Koffi) {
  try {
    return { lib: koffi.load('libpam.so.0'), libc: koffi.load(null) };
  } catch (cause) {
    throw new SshError('there is no PAM on this system: libpam.so.0 could not be loaded', {
      code: 'unsupported',
      stage: 'auth',
      remedy: 'install PAM, or set UsePAM no',
      cause,
    });
  }
}
