/** The progress of transfers on the terminal, and the words between its lines. */
import type { TransferMeter } from '../../files/transfer-meter.ts';
import type { Voice } from '../voice.ts';

/** @param total - with a line for all files together. */
export async function startMeter(total: boolean): Promise<TransferMeter> {
  const { standardOutputScreen } = await import('../../../terminal/progress.ts');
  const { TransferMeter: Meter } = await import('../../files/transfer-meter.ts');
  return new Meter({ screen: standardOutputScreen(), total });
}

/** Lines of text begin on a line of their own. */
export function besideMeter(voice: Voice, meter: TransferMeter): Voice {
  const room =
    (write: (line: string) => void) =>
    (line: string): void => {
      meter.makeRoom();
      write(line);
    };
  return {
    say: room((line) => voice.say(line)),
    sayAll(lines) {
      meter.makeRoom();
      voice.sayAll(lines);
    },
    complain: room((line) => voice.complain(line)),
    inform: room((line) => voice.inform(line)),
  };
}
