/** Field types of messages: how each RFC 4251 type is read and written, so that a message is declared once. */
import { maxMpintBytes } from '../limits.ts';
import type { WireReader } from './reader.ts';
import type { WireWriter } from './writer.ts';

/** One field's type: reads and writes a value of T. */
export interface Field<T> {
  read(reader: WireReader, name: string): T;
  write(writer: WireWriter, value: T): void;
}

export const byte: Field<number> = { read: (r, name) => r.uint8(name), write: (w, value) => void w.uint8(value) };
export const boolean: Field<boolean> = {
  read: (r, name) => r.boolean(name),
  write: (w, value) => void w.boolean(value),
};
export const uint32: Field<number> = { read: (r, name) => r.uint32(name), write: (w, value) => void w.uint32(value) };
export const uint64: Field<bigint> = { read: (r, name) => r.uint64(name), write: (w, value) => void w.uint64(value) };
/** A `string` of bytes; the value read is a view into the message. */
export const string: Field<Buffer> = { read: (r, name) => r.string(name), write: (w, value) => void w.string(value) };
/** A `string` of UTF-8 text. */
export const text: Field<string> = { read: (r, name) => r.text(name), write: (w, value) => void w.string(value) };
/** A `string` holding one US-ASCII name. */
export const name: Field<string> = { read: (r, field) => r.ascii(field), write: (w, value) => void w.string(value) };
export const nameList: Field<readonly string[]> = {
  read: (r, field) => r.nameList(field),
  write: (w, value) => void w.nameList(value),
};
/** A non-negative mpint as unsigned big-endian bytes. */
export const mpint: Field<Buffer> = {
  read: (r, field) => r.unsignedMpint(field, maxMpintBytes),
  write: (w, value) => void w.mpint(value),
};
/** Whatever follows, to the end of the message. */
export const rest: Field<Buffer> = { read: (r) => r.rest(), write: (w, value) => void w.fixed(value) };

/** Bytes of a fixed number. */
export function fixed(byteCount: number): Field<Buffer> {
  return { read: (r, field) => r.fixed(byteCount, field), write: (w, value) => void w.fixed(value) };
}

/** A field that is there only if bytes remain; absent it reads as undefined (late additions such as ECHO language tags). */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return {
    read: (r, fieldName) => (r.remaining === 0 ? undefined : field.read(r, fieldName)),
    write: (w, value) => {
      if (value !== undefined) field.write(w, value);
    },
  };
}
