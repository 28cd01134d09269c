/** Exit codes, as the help and the documentation name them. */
export const EXIT = {
  /** All that was asked for is so. */
  ok: 0,
  /** A device failed or did not get there in time; `diff`: there are differences. */
  failed: 1,
  /** Nothing was done: wrong arguments, no permission, no cluster; `diff`: an error. */
  error: 2,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** Ends the command with a sentence for people, which names the remedy. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: number;

  constructor(message: string, code: number = EXIT.error) {
    super(message);
    this.code = code;
  }
}
