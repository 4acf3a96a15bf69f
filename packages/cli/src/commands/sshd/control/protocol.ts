/** What is asked at the control socket: one line of JSON, answered by one. */
import { isIP } from 'node:net';
import { SshError } from '@nacre/ssh/errors';
import type { ConnectionSelector } from '../status/types.ts';

export type ControlRequest =
  | { readonly ask: 'status' }
  | { readonly ask: 'kick'; readonly selectors: readonly ConnectionSelector[]; readonly reason: string }
  /** Ends the health check's own connection in good order. */
  | { readonly ask: 'health'; readonly address: string; readonly port: number };

/** What stands in the answer; `result` is what was asked for. */
export type ControlAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: string };

/** A longer line is no question: whoever sends it must not fill our memory. */
export const maxRequestBytes = 16 * 1024;
const maxSelectors = 100;
const maxReason = 200;
const maxUserName = 256;

/**
 * Reads a question.
 *
 * @throws SshError `bad-message` that says what is wrong with it.
 */
export function parseControlRequest(line: string): ControlRequest {
  if (Buffer.byteLength(line) > maxRequestBytes) throw bad(`has more than ${maxRequestBytes} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw bad('is no JSON');
  }
  if (!isRecord(value)) throw bad('is no object');
  switch (value.ask) {
    case 'status':
      return { ask: 'status' };
    case 'kick':
      return { ask: 'kick', selectors: readSelectors(value.selectors), reason: readReason(value.reason) };
    case 'health':
      return { ask: 'health', address: readAddress(value.address), port: readWhole(value.port, 'port', 65_535) };
    default:
      throw bad('asks for nothing that there is');
  }
}

function readSelectors(value: unknown): ConnectionSelector[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxSelectors) {
    throw bad(`names no connections, or more than ${maxSelectors}`);
  }
  return value.map(readSelector);
}

function readSelector(value: unknown): ConnectionSelector {
  if (!isRecord(value)) throw bad('has a selector that is no object');
  switch (value.kind) {
    case 'user':
      return { kind: 'user', user: readText(value.user, 'user', maxUserName) };
    case 'address':
      return { kind: 'address', address: readNetwork(value.address) };
    case 'connection':
      return { kind: 'connection', id: readWhole(value.id, 'id', Number.MAX_SAFE_INTEGER) };
    default:
      throw bad('has a selector of no kind that there is');
  }
}

/** It ends up in a client's terminal and in the log. */
function readReason(value: unknown): string {
  const text = readText(value, 'reason', maxReason);
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)) throw bad('has control characters in its reason');
  return text;
}

function readText(value: unknown, name: string, most: number): string {
  if (typeof value !== 'string' || value === '' || value.length > most) {
    throw bad(`has no ${name}, or one of more than ${most} characters`);
  }
  return value;
}

function readAddress(value: unknown): string {
  const text = readText(value, 'address', maxUserName);
  if (isIP(text) === 0) throw bad('has an address that is none');
  return text;
}

function readNetwork(value: unknown): string {
  const text = readText(value, 'address', maxUserName);
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits ?? 0) > (family === 4 ? 32 : 128)) throw bad('has an address that is none');
  return text;
}

function readWhole(value: unknown, name: string, most: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw bad(`has no ${name} from 1 to ${most}`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(what: string): SshError {
  return new SshError(`the question ${what}`, { code: 'bad-message', stage: 'usage', side: 'peer' });
}
