/** The method "keyboard-interactive" (RFC 4256): the server asks, in one or more rounds, whatever it likes. */
import { SshError } from '../../errors.ts';
import { printable, type WireReader, WireWriter } from '../../wire/index.ts';
import { runDialogue } from '../dialogue.ts';
import { authNumbers, looseText, userauthInfoRequest, userauthInfoResponse } from '../messages.ts';
import type { AuthMethod } from './types.ts';

export const keyboardInteractiveMethod: AuthMethod = {
  name: 'keyboard-interactive',
  aliases: [],

  async client(session) {
    const { user, keyboardInteractive, numberOfPasswordPrompts = 3, keyboardInteractiveDevices = [] } = session.options;
    if (keyboardInteractive === undefined || !session.countAttempt('keyboard-interactive', numberOfPasswordPrompts)) {
      return { kind: 'exhausted' };
    }
    // RFC 4256 §3.1: a language tag, which is to be empty, and the devices the client would like.
    const rest = new WireWriter().string('').string(keyboardInteractiveDevices.join(','));
    session.request('keyboard-interactive', rest.finish());
    for (let round = 0; ; round++) {
      const reply = await session.reply([authNumbers.failure, authNumbers.success, authNumbers.method60]);
      if (reply[0] !== authNumbers.method60) {
        const verdict = session.readVerdict(reply);
        // A server that refuses before it asked anything has no device for this user; asking it again would change nothing.
        const useless = verdict.kind === 'failure' && !verdict.partialSuccess && round === 0;
        if (useless) session.attempts.set('keyboard-interactive', Number.POSITIVE_INFINITY);
        return verdict;
      }
      const asked = userauthInfoRequest.decode(reply);
      const responses = await session.wait(
        keyboardInteractive({
          user,
          name: printable(looseText(asked.name), 'one'),
          instruction: printable(looseText(asked.instruction), 'many'),
          prompts: asked.prompts.map(({ text, echo }) => ({ text: printable(text, 'many'), echo })),
        }),
      );
      // RFC 4252 §5.1: the dialogue is left by going on with another request.
      if (responses === undefined) {
        session.record.noteGivenUp('keyboard-interactive');
        return { kind: 'exhausted' };
      }
      if (responses.length !== asked.prompts.length) {
        throw new SshError(`${asked.prompts.length} prompts were answered with ${responses.length} responses`, {
          code: 'misuse',
          stage: 'auth',
          remedy: 'The keyboardInteractive callback must give one answer for each prompt, in the same order.',
        });
      }
      if (responses.length > 0) session.proved = true;
      session.send(userauthInfoResponse.encode({ responses }));
    }
  },

  async server(request, session) {
    const devices = session.decode(request.rest, decodeDevices);
    const { keyboardInteractive } = session.options;
    if (keyboardInteractive === undefined) return { kind: 'refused', reason: 'keyboard-interactive is not allowed' };

    const user = request.user;
    return runDialogue(session, (ask) => keyboardInteractive({ user, devices }, ask));
  },

  hasHandler: (options) => options.keyboardInteractive !== undefined,
};

/** RFC 4256 §3.1: the language tag is ignored, the devices are a hint that may be empty. */
function decodeDevices(reader: WireReader): string[] {
  reader.string('language');
  return looseText(reader.string('submethods'))
    .split(',')
    .map((device) => device.trim())
    .filter((device) => device !== '');
}
