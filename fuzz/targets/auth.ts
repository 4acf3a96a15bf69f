/** Login: every declared message, and whole conversations in both roles whose other end says anything. */
import { isDeepStrictEqual } from 'node:util';
import {
  type AskTexts,
  authenticateClient,
  authenticateServer,
  messages,
  type Prompt,
  type ServerAuthOptions,
} from '@nacre/ssh/auth';
import { SshError } from '@nacre/ssh/errors';
import type { PublicKey, Signer } from '@nacre/ssh/keys';
import type { AuthLink, Clock } from '@nacre/ssh/transport';
import { WireWriter } from '@nacre/ssh/wire';
import { knownKey } from '../known-key.ts';
import type { FuzzTarget } from '../target.ts';
import { listed, payloadsOf } from '../transport-subject.ts';

const password = 'the right password';
const sessionId = Buffer.alloc(32, 0x5e);
const { publicKey } = knownKey;
const algorithm = 'ssh-ed25519';
const hostBound = 'publickey-hostbound-v00@openssh.com';

function request(method: string, rest: (writer: WireWriter) => WireWriter = (writer) => writer): Buffer {
  return rest(new WireWriter().uint8(50).string('alice').string('ssh-connection').string(method)).finish();
}

async function signedRequest(method: string): Promise<Buffer> {
  const unsigned = request(method, (writer) => {
    writer.boolean(true).string(algorithm).string(publicKey.blob);
    return method === hostBound ? writer.string(publicKey.blob) : writer;
  });
  const data = new WireWriter().string(sessionId).fixed(unsigned).finish();
  return new WireWriter()
    .fixed(unsigned)
    .string(await knownKey.sign(data, algorithm))
    .finish();
}

const query = request('publickey', (writer) => writer.boolean(false).string(algorithm).string(publicKey.blob));
const signed = await signedRequest('publickey');
const signedBound = await signedRequest(hostBound);
const signatures = [signed, signedBound].map((message) => message.subarray(-64));
const givePassword = (text: string) => request('password', (writer) => writer.boolean(false).string(text));
const changePassword = request('password', (writer) => writer.boolean(true).string('old').string(password));
const keyboard = request('keyboard-interactive', (writer) => writer.string('').string(''));
const responses = (...texts: string[]) =>
  texts.reduce((writer, text) => writer.string(text), new WireWriter().uint8(61).uint32(texts.length)).finish();

const failure = messages.userauthFailure.encode({
  methods: ['publickey', 'password', 'keyboard-interactive'],
  partialSuccess: false,
});
const pkOk = messages.userauthPkOk.encode({ algorithm, blob: publicKey.blob });
const banner = messages.userauthBanner.encode({ text: Buffer.from('Welcome\n'), language: '' });
const infoRequest = messages.userauthInfoRequest.encode({
  name: Buffer.from('name'),
  instruction: Buffer.from('instruction'),
  language: Buffer.alloc(0),
  prompts: [
    { text: 'Password: ', echo: false },
    { text: 'Code: ', echo: true },
  ],
});
const changeRequest = messages.userauthPasswdChangereq.encode({ prompt: Buffer.from('Change'), language: 'en' });
const success = messages.userauthSuccess.encode({});

const declared = [
  messages.userauthRequest,
  messages.userauthFailure,
  messages.userauthSuccess,
  messages.userauthBanner,
  messages.userauthPkOk,
  messages.userauthPasswdChangereq,
  messages.userauthInfoRequest,
  messages.userauthInfoResponse,
];

/** What a message decodes to has to encode to bytes that decode to the same. Byte 0 chooses the message. */
export const authMessages: FuzzTarget = {
  name: 'auth-messages',
  seeds: [query, failure, success, banner, pkOk, changeRequest, infoRequest, responses('a', 'b')].map(
    (message, index) => Buffer.concat([Buffer.of(index), message]),
  ),
  run(input) {
    const message = declared[(input[0] ?? 0) % declared.length] as {
      decode(bytes: Uint8Array): object;
      encode(value: object): Buffer;
    };
    const value = message.decode(input.subarray(1));
    const again = message.decode(message.encode(value));
    if (!isDeepStrictEqual({ language: '', ...again }, { language: '', ...definedFields(value) })) {
      throw new Error('the value changed on its way through encode and decode');
    }
  },
};

function definedFields(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}

/** A link whose messages are all there at once, and which ends behind them. */
class Script implements AuthLink {
  readonly sessionId = sessionId;
  readonly hostKey: PublicKey = publicKey;
  readonly peerExtensions: ReadonlyMap<string, Buffer>;
  readonly peerIdentification = 'SSH-2.0-fuzz';
  readonly sent: Buffer[] = [];
  readonly #payloads: Buffer[];

  constructor(payloads: readonly Buffer[], extensions: [string, Buffer][] = []) {
    this.#payloads = [...payloads];
    this.peerExtensions = new Map(extensions);
  }

  send(payload: Uint8Array): void {
    this.sent.push(Buffer.from(payload));
  }

  async next(): Promise<Buffer> {
    const payload = this.#payloads.shift();
    if (payload !== undefined) return payload;
    throw new SshError('the script is over', { code: 'connection-lost', stage: 'transport' });
  }
}

const clock: Clock = {
  now: () => 0,
  setTimer: (_ms, callback) => {
    queueMicrotask(callback);
    return () => {};
  },
};

const prompts: readonly Prompt[] = [{ text: 'Password: ', echo: false }];
const texts: AskTexts = { name: 'name', instruction: 'instruction' };
const isAlice = (user: string) => user === 'alice';
const serverOptions: ServerAuthOptions<string> = {
  clock,
  banner: 'Welcome\n',
  publicKey: async ({ user, key }) => (isAlice(user) && key.equals(publicKey) ? 'key' : undefined),
  password: async ({ user, password: given, newPassword }) => {
    if (given === 'old') return newPassword === password && isAlice(user) ? 'password' : { changePrompt: 'Change' };
    return isAlice(user) && given === password ? 'password' : undefined;
  },
  keyboardInteractive: async ({ user }, ask) => {
    const [answer] = await ask(prompts, texts);
    return isAlice(user) && answer === password ? 'password' : undefined;
  },
  merge: (grants) => grants.join(),
  gate: async ({ user }, grant) => (isAlice(user) ? grant : undefined),
};

/** Payloads, each with two bytes of length in front. Byte 0: whether two methods are required. None gets in without a proof. */
export const authServer: FuzzTarget = {
  name: 'auth-server',
  seeds: [
    listed([0], [request('none'), query, signed]),
    listed([0], [signedBound]),
    listed([0], [givePassword('wrong'), givePassword(password)]),
    listed([0], [givePassword('old'), changePassword]),
    listed([0], [keyboard, responses('wrong'), keyboard, responses(password)]),
    listed([1], [signed, givePassword(password)]),
    listed([1], [signed, signed, givePassword('wrong'), givePassword(password)]),
  ],
  async run(input) {
    const payloads = payloadsOf(input.subarray(1));
    const needsBoth = ((input[0] ?? 0) & 1) === 1;
    const link = new Script(payloads);
    const options = needsBoth ? { requiredMethods: [['publickey', 'password']] } : {};
    const login = await authenticateServer(link, { ...serverOptions, ...options });
    const all = Buffer.concat(payloads);
    for (const step of login.grant.split(',')) {
      const proofs = step === 'key' ? signatures : [password];
      if (!proofs.some((proof) => all.includes(proof))) throw new Error(`let in without a proof: ${login.grant}`);
    }
    if (needsBoth && login.grant !== 'key,password') throw new Error(`let in with ${login.grant} alone`);
    if (link.sent.at(-1)?.[0] !== 52) throw new Error('let in, and the client was not told');
  },
};

/** Payloads of a server. Byte 0: bound signatures, a real method required. No key signs unless the server took it. */
export const authClient: FuzzTarget = {
  name: 'auth-client',
  seeds: [
    listed([0], [banner, failure, pkOk, success]),
    listed([1], [failure, pkOk, failure, infoRequest, infoRequest, success]),
    listed([2], [failure, failure, failure, changeRequest, success]),
    listed([3], [failure, pkOk, success]),
  ],
  async run(input) {
    const mode = input[0] ?? 0;
    const payloads = payloadsOf(input.subarray(1));
    let signs = 0;
    const signer: Signer = {
      publicKey,
      label: 'a key',
      sign: (data, name, options) => {
        signs++;
        return knownKey.sign(data, name, options);
      },
    };
    const extensions: [string, Buffer][] = [['publickey-hostbound@openssh.com', Buffer.from('0')]];
    const link = new Script(payloads, (mode & 1) === 0 ? [] : extensions);
    const plain = (text: string) => {
      if (/[\x00-\x08\x0b-\x1f\x7f]/.test(text))
        throw new Error(`text with control characters: ${JSON.stringify(text)}`);
    };
    const login = authenticateClient(link, {
      user: 'alice',
      signers: [signer],
      password: async ({ attempt }) => (attempt < 3 ? password : undefined),
      changePassword: async ({ prompt }) => {
        plain(prompt);
        return { newPassword: 'new' };
      },
      keyboardInteractive: async (asked) => {
        for (const text of [asked.name, asked.instruction, ...asked.prompts.map((prompt) => prompt.text)]) plain(text);
        return asked.prompts.map(() => 'answer');
      },
      requireMethod: (mode & 2) !== 0,
      onBanner: plain,
    });
    const outcome = await login.catch((error: unknown) => error);
    if (signs > 0 && !payloads.some((payload) => payload[0] === 60)) throw new Error('signed for a key nobody took');
    if (outcome instanceof Error) throw outcome;
    if ((mode & 2) !== 0 && !(await login).proved) throw new Error('a login without a proof passed');
  },
};
