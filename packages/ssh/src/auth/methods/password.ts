/** The method "password" (RFC 4252 §8), with the change of an expired one. */
import { maxPasswordBytes } from '../../limits.ts';
import { printable, type WireReader, WireWriter } from '../../wire/index.ts';
import type { ClientOutcome, ClientSession } from '../client-session.ts';
import { authNumbers, looseText, userauthPasswdChangereq } from '../messages.ts';
import type { AuthMethod } from './types.ts';

export const passwordMethod: AuthMethod = {
  name: 'password',
  aliases: [],

  async client(session) {
    const { user, password, numberOfPasswordPrompts = 3 } = session.options;
    if (password === undefined || !session.countAttempt('password', numberOfPasswordPrompts))
      return { kind: 'exhausted' };
    const attempt = session.attempts.get('password') ?? 1;
    const given = await session.wait(password({ user, attempt, prompt: `${printable(user, 'one')}'s password: ` }));
    if (given === undefined) {
      if (attempt === 1) session.record.noteGivenUp('password');
      return { kind: 'exhausted' };
    }
    session.proved = true;
    session.request('password', encodePassword(given));
    return answerChangeRequests(session, given);
  },

  async server(request, session) {
    const { changing, password, newPassword } = session.decode(request.rest, decodePassword);
    const { password: decide, permitEmptyPasswords = false } = session.options;
    if (decide === undefined) return { kind: 'refused', reason: 'passwords are not allowed' };
    if (Math.max(password.length, newPassword?.length ?? 0) > maxPasswordBytes) {
      return { kind: 'refused', reason: `the password is longer than ${maxPasswordBytes} bytes` };
    }
    if (!permitEmptyPasswords && (password.length === 0 || newPassword?.length === 0)) {
      return { kind: 'refused', reason: 'an empty password' };
    }
    const answer = await session.ask(() =>
      decide({
        user: request.user,
        password: looseText(password),
        ...(newPassword === undefined ? {} : { newPassword: looseText(newPassword) }),
      }),
    );
    if (answer === undefined)
      return { kind: 'refused', reason: changing ? 'password change refused' : 'wrong password' };
    if (typeof answer === 'object' && answer !== null && 'changePrompt' in answer) {
      session.send(userauthPasswdChangereq.encode({ prompt: Buffer.from(String(answer.changePrompt)) }));
      return { kind: 'answered', reason: 'the password has to be changed' };
    }
    return { kind: 'granted', grant: answer };
  },

  hasHandler: (options) => options.password !== undefined,
};

/** RFC 4252 §8: instead of a verdict the server may ask for a new password, and again if it does not like that one. */
async function answerChangeRequests(session: ClientSession, oldPassword: string): Promise<ClientOutcome> {
  for (let attempt = 1; ; attempt++) {
    const reply = await session.reply([authNumbers.failure, authNumbers.success, authNumbers.method60]);
    if (reply[0] !== authNumbers.method60) return session.readVerdict(reply);
    const { prompt, language = '' } = userauthPasswdChangereq.decode(reply);
    const { user, changePassword } = session.options;
    if (changePassword === undefined) {
      session.log('info', 'the server wants the password changed, and nobody is there to give a new one');
      session.record.noteGivenUp('password');
      return { kind: 'exhausted' };
    }
    const answer = await session.wait(
      changePassword({
        user,
        prompt: printable(looseText(prompt), 'many'),
        language: printable(language, 'one'),
        attempt,
      }),
    );
    if (answer === undefined) return { kind: 'exhausted' };
    session.request('password', encodePassword(answer.oldPassword ?? oldPassword, answer.newPassword));
  }
}

function encodePassword(password: string, newPassword?: string): Buffer {
  const writer = new WireWriter().boolean(newPassword !== undefined).string(password);
  if (newPassword !== undefined) writer.string(newPassword);
  return writer.finish();
}

function decodePassword(reader: WireReader): { changing: boolean; password: Buffer; newPassword: Buffer | undefined } {
  const changing = reader.boolean('password change');
  const password = reader.string('password');
  const newPassword = changing ? reader.string('new password') : undefined;
  return { changing, password, newPassword };
}
