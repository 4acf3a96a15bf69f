/** Declares a message of the multiplexing protocol once: a uint32 number in front of the fields. */
import { SshError } from '../errors.ts';
import { asBuffer, declareStructure, type Field, fields, type Message } from '../wire/index.ts';

type FieldTable = Record<string, Field<never> | Field<unknown>>;
type Decoded<Fields extends FieldTable> = ReturnType<ReturnType<typeof declareStructure<Fields>>['decode']>;

/** As declareMessage, where the number is a uint32 (OpenSSH PROTOCOL.mux). */
export function declareMuxMessage<const Fields extends FieldTable>(
  name: string,
  number: number,
  table: Fields,
): Message<Decoded<Fields>> {
  const body = declareStructure(name, table);
  return {
    name,
    number,
    encode(value) {
      const bytes = body.encode(value);
      const message = Buffer.allocUnsafe(4 + bytes.length);
      message.writeUInt32BE(number, 0);
      message.set(bytes, 4);
      return message;
    },
    decode(payload) {
      const got = messageNumber(asBuffer(payload));
      if (got !== number) throw muxError(`expected ${name} (0x${hex(number)}), got message 0x${hex(got)}`);
      return body.decode(payload.subarray(4));
    },
  };
}

/** The number in front. */
export function messageNumber(payload: Buffer): number {
  if (payload.length < 4) throw muxError(`a message of ${payload.length} bytes has no number`);
  return payload.readUInt32BE(0);
}

/** What the other end of a control socket did wrong. */
export function muxError(message: string): SshError {
  return new SshError(`control socket: ${message}`, { code: 'protocol-error', stage: 'channel', side: 'peer' });
}

/** A flag, which this protocol writes as a uint32. */
export const flag: Field<boolean> = {
  read: (reader, name) => fields.uint32.read(reader, name) !== 0,
  write: (writer, value) => fields.uint32.write(writer, value ? 1 : 0),
};

/** `string`s to the end of the message. */
export const strings: Field<readonly Buffer[]> = {
  read(reader, name) {
    const found: Buffer[] = [];
    while (reader.remaining > 0) {
      if (found.length === maxStrings) throw reader.error(`${name} are more than ${maxStrings}`);
      found.push(reader.string(name));
    }
    return found;
  },
  write(writer, values) {
    for (const value of values) writer.string(value);
  },
};

/** OpenSSH takes no more environment variables from a client. */
const maxStrings = 4096;

function hex(number: number): string {
  return number.toString(16).padStart(8, '0');
}
