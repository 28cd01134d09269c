import { readFileSync } from 'node:fs';

/** How the operator is started. */
export interface StartCommand {
  readonly env: Readonly<Record<string, string>>;
  /** Flags of Node itself. */
  readonly nodeFlags: readonly string[];
}

/** What `npm start` sets, so that what is measured is what is run. */
export function startCommand(): StartCommand {
  const file = new URL('../../package.json', import.meta.url);
  const { scripts } = JSON.parse(readFileSync(file, 'utf8')) as { readonly scripts: { readonly start: string } };
  const words = scripts.start.split(' ');
  const env = words.slice(0, words.indexOf('exec')).map((word) => word.split('=') as [string, string]);
  return { env: Object.fromEntries(env), nodeFlags: words.filter((word) => word.startsWith('--')) };
}
