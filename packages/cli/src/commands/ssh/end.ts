/** How ssh ends early: an error whose words belong on stderr as they are, with exit status 255. */

/** Ends the program; the message is printed unless the log is quiet. */
export class FatalError extends Error {
  /** Printed whatever the log level: what is wrong with the command line or a file. */
  readonly always: boolean;

  constructor(message: string, options: { always?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FatalError';
    this.always = options.always ?? false;
  }
}

/** The exit status of ssh's own failures. */
export const failureStatus = 255;
