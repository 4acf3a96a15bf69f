/** Declares a message once: its number and its fields in wire order; encoder, decoder and type follow from that. */
import { SshError } from '../errors.ts';
import type { Field } from './fields.ts';
import { WireReader } from './reader.ts';
import { WireWriter } from './writer.ts';

type FieldTable = Record<string, Field<never> | Field<unknown>>;
type ValueOf<F> = F extends Field<infer T> ? T : never;
/** The fields whose value may be undefined are optional in the object. */
type Values<Fields> = {
  [K in keyof Fields as undefined extends ValueOf<Fields[K]> ? never : K]: ValueOf<Fields[K]>;
} & {
  [K in keyof Fields as undefined extends ValueOf<Fields[K]> ? K : never]?: ValueOf<Fields[K]>;
};
type Flatten<T> = { [K in keyof T]: T[K] };

/** What to do about bytes behind the last field. */
export type MoreBytes = 'refused' | 'ignored';

/** A declared message whose decoded form is T. */
export interface Message<T> {
  readonly name: string;
  readonly number: number;
  encode(value: T): Buffer;
  /**
   * Decodes a whole payload, number included. Throws `bad-message` where it is cut, too long or of another number; bytes behind
   * the last field are let pass where they are to be `ignored`.
   */
  decode(payload: Uint8Array, more?: MoreBytes): T;
}

/** The decoded form of a declared message. */
export type MessageOf<M> = M extends Message<infer T> ? T : never;

/**
 * Declares a message.
 *
 * @param name - the RFC's name, without SSH_MSG_.
 * @param number - its message number, the first byte of the payload.
 * @param fields - its fields in wire order.
 * @example
 * const serviceRequest = declareMessage('SERVICE_REQUEST', 5, { service: name });
 * serviceRequest.encode({ service: 'ssh-userauth' });
 */
export function declareMessage<const Fields extends FieldTable>(
  name: string,
  number: number,
  fields: Fields,
): Message<Flatten<Values<Fields>>> {
  const entries = Object.entries(fields) as [string, Field<unknown>][];
  return {
    name,
    number,
    encode(value) {
      const writer = new WireWriter();
      writer.uint8(number);
      for (const [key, field] of entries) field.write(writer, (value as Record<string, unknown>)[key]);
      return writer.finish();
    },
    decode(payload, more) {
      const reader = new WireReader(payload, name);
      const got = reader.uint8('message number');
      if (got !== number) {
        throw new SshError(`expected ${name} (${number}), got message ${got}`, {
          code: 'protocol-error',
          stage: 'transport',
          side: 'peer',
          disconnect: 2,
        });
      }
      const value: Record<string, unknown> = {};
      for (const [key, field] of entries) value[key] = field.read(reader, key);
      if (more !== 'ignored') reader.finish();
      return value as Flatten<Values<Fields>>;
    },
  };
}

/** Declares a structure without a message number: request-specific data, blobs inside strings. */
export function declareStructure<const Fields extends FieldTable>(
  name: string,
  fields: Fields,
): {
  name: string;
  encode(value: Flatten<Values<Fields>>): Buffer;
  decode(bytes: Uint8Array, more?: MoreBytes): Flatten<Values<Fields>>;
} {
  const entries = Object.entries(fields) as [string, Field<unknown>][];
  return {
    name,
    encode(value) {
      const writer = new WireWriter();
      for (const [key, field] of entries) field.write(writer, (value as Record<string, unknown>)[key]);
      return writer.finish();
    },
    decode(bytes, more) {
      const reader = new WireReader(bytes, name);
      const value: Record<string, unknown> = {};
      for (const [key, field] of entries) value[key] = field.read(reader, key);
      if (more !== 'ignored') reader.finish();
      return value as Flatten<Values<Fields>>;
    },
  };
}
