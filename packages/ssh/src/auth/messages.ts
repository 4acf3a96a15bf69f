/** The messages of login: RFC 4252 (50 to 53, and 60 as publickey and password use it) and RFC 4256 (60 and 61). */
import { maxKeyboardInteractivePrompts } from '../limits.ts';
import { declareMessage, type Field, fields, type MessageOf } from '../wire/index.ts';

/** RFC 4252 §5. What follows the method name belongs to the method. */
export const userauthRequest = declareMessage('USERAUTH_REQUEST', 50, {
  user: fields.text,
  service: fields.name,
  method: fields.name,
  rest: fields.rest,
});

/** RFC 4252 §5.1. */
export const userauthFailure = declareMessage('USERAUTH_FAILURE', 51, {
  methods: fields.nameList,
  partialSuccess: fields.boolean,
});

/** RFC 4252 §5.1. */
export const userauthSuccess = declareMessage('USERAUTH_SUCCESS', 52, {});

/** RFC 4252 §5.4. The text is read as bytes: a banner in another charset is no reason to refuse a login. */
export const userauthBanner = declareMessage('USERAUTH_BANNER', 53, {
  text: fields.string,
  language: optionalLanguage(),
});

/** RFC 4252 §7: the server would accept this key. */
export const userauthPkOk = declareMessage('USERAUTH_PK_OK', 60, { algorithm: fields.name, blob: fields.string });

/** RFC 4252 §8: the password is right or unknown, but has to be changed. */
export const userauthPasswdChangereq = declareMessage('USERAUTH_PASSWD_CHANGEREQ', 60, {
  prompt: fields.string,
  language: optionalLanguage(),
});

/** One question of keyboard-interactive; `echo` is false for what must not be shown while typed. */
export interface Prompt {
  readonly text: string;
  readonly echo: boolean;
}

const prompts: Field<readonly Prompt[]> = {
  read(reader, field) {
    const count = reader.uint32(`number of ${field}`);
    if (count > maxKeyboardInteractivePrompts) {
      throw reader.error(`${count} ${field} are announced, at most ${maxKeyboardInteractivePrompts} are allowed`);
    }
    const list: Prompt[] = [];
    for (let i = 0; i < count; i++)
      list.push({ text: looseText(reader.string('prompt')), echo: reader.boolean('echo') });
    return list;
  },
  write(writer, list) {
    writer.uint32(list.length);
    for (const prompt of list) writer.string(prompt.text).boolean(prompt.echo);
  },
};

const responses: Field<readonly string[]> = {
  read(reader, field) {
    const count = reader.uint32(`number of ${field}`);
    if (count > maxKeyboardInteractivePrompts) {
      throw reader.error(`${count} ${field} are announced, at most ${maxKeyboardInteractivePrompts} are allowed`);
    }
    const list: string[] = [];
    for (let i = 0; i < count; i++) list.push(looseText(reader.string('response')));
    return list;
  },
  write(writer, list) {
    writer.uint32(list.length);
    for (const response of list) writer.string(response);
  },
};

/** RFC 4256 §3.2. */
export const userauthInfoRequest = declareMessage('USERAUTH_INFO_REQUEST', 60, {
  name: fields.string,
  instruction: fields.string,
  language: fields.string,
  prompts,
});

/** RFC 4256 §3.4. */
export const userauthInfoResponse = declareMessage('USERAUTH_INFO_RESPONSE', 61, { responses });

/** A decoded USERAUTH_REQUEST. */
export type UserauthRequest = MessageOf<typeof userauthRequest>;

/** The service that every login is for (RFC 4254 §1). */
export const connectionService = 'ssh-connection';

/** The message numbers of login by name, where a conversation asks which message came. */
export const authNumbers = {
  request: 50,
  failure: 51,
  success: 52,
  banner: 53,
  method60: 60,
  infoResponse: 61,
} as const;

/**
 * Text that should be UTF-8 and is not worth a broken connection if it is not: a bad byte turns into U+FFFD. A password in
 * another charset is then wrong as it would be in any case, and not a protocol error.
 */
export function looseText(bytes: Buffer): string {
  return bytes.toString('utf8');
}

/** A language tag (RFC 3066), which some servers leave out. */
function optionalLanguage(): Field<string | undefined> {
  return {
    read: (reader, field) => (reader.remaining === 0 ? undefined : looseText(reader.string(field))),
    write: (writer, value) => void writer.string(value ?? ''),
  };
}
