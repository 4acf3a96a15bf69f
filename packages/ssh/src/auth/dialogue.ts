/** The server's side of one keyboard-interactive dialogue: a handler asks, the client answers or walks away. */
import { protocolError, SshError } from '../errors.ts';
import { maxKeyboardInteractivePrompts } from '../limits.ts';
import { untilAborted } from './abort.ts';
import { authNumbers, type Prompt, userauthInfoRequest, userauthInfoResponse } from './messages.ts';
import type { Ask, AskTexts } from './server-options.ts';
import type { ServerSession, ServerVerdict } from './server-session.ts';

type Ending = { kind: 'abandoned'; next: Buffer } | { kind: 'broken'; error: unknown };

/**
 * Runs a handler that may ask the client any number of rounds. What ends the dialogue from outside (a new request, a broken
 * link, a message out of place) is decided here and wins over whatever the handler returns afterwards.
 */
export async function runDialogue<G>(
  session: ServerSession<G>,
  handler: (ask: Ask) => Promise<G | undefined>,
): Promise<ServerVerdict<G>> {
  let open = true;
  let asking = false;
  let end: (ending: Ending) => void = () => undefined;
  const ended = new Promise<Ending>((resolve) => {
    end = resolve;
  });

  const ask: Ask = async (prompts, texts = {}) => {
    if (!open) throw misuse('this keyboard-interactive dialogue is over');
    if (asking) throw misuse('ask() was called before the answers to the last prompts were there');
    if (prompts.length > maxKeyboardInteractivePrompts) {
      throw misuse(`${prompts.length} prompts at once, at most ${maxKeyboardInteractivePrompts} are allowed`);
    }
    asking = true;
    try {
      session.send(encodePrompts(prompts, texts));
      const payload = await session.next([authNumbers.request, authNumbers.infoResponse]);
      if (payload[0] === authNumbers.request) {
        // RFC 4252 §5.1: a new request abandons the one before, which is never answered.
        open = false;
        end({ kind: 'abandoned', next: payload });
        throw new SshError('the client left the dialogue', { code: 'aborted', stage: 'auth', side: 'peer' });
      }
      return decodeResponses(payload, prompts.length);
    } catch (error) {
      open = false;
      end({ kind: 'broken', error });
      throw error;
    } finally {
      asking = false;
    }
  };

  const decided = untilAborted(
    Promise.resolve().then(() => handler(ask)),
    session.options.signal,
  ).then(
    (grant) => ({ kind: 'decided' as const, grant, error: undefined }),
    (error: unknown) => ({ kind: 'decided' as const, grant: undefined, error }),
  );
  const outcome = await Promise.race([ended, decided]);
  open = false;
  switch (outcome.kind) {
    case 'abandoned':
      return outcome;
    case 'broken':
      throw outcome.error;
    case 'decided':
      // Prompts are on their way and their answer would be taken for the next request's.
      if (asking) throw misuse('the keyboard-interactive handler returned while its prompts were unanswered');
      session.throwIfAborted();
      session.handlerError = outcome.error;
      if (outcome.grant === undefined) return { kind: 'refused', reason: 'the answers were not accepted' };
      return { kind: 'granted', grant: outcome.grant };
  }
}

function encodePrompts(prompts: readonly Prompt[], { name = '', instruction = '' }: AskTexts): Buffer {
  return userauthInfoRequest.encode({
    name: Buffer.from(name),
    instruction: Buffer.from(instruction),
    // RFC 4256 §3.2: the language tag is deprecated and empty.
    language: Buffer.alloc(0),
    prompts,
  });
}

/** RFC 4256 §3.4: one response for each prompt, no more and no fewer. */
function decodeResponses(payload: Buffer, prompts: number): string[] {
  const { responses } = userauthInfoResponse.decode(payload);
  if (responses.length !== prompts) {
    throw protocolError('auth', `${prompts} prompts were answered with ${responses.length} responses`, {
      code: 'bad-message',
    });
  }
  return [...responses];
}

function misuse(message: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'auth' });
}
