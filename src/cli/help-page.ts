import type { Command } from 'commander';

const COLUMNS = 110;

/** The help of every command as one page. */
export function renderHelp(program: Command): string {
  return [program, ...program.commands.flatMap((command) => [command, ...command.commands])]
    .filter((command) => command.name() !== 'help')
    .map((command) => `${heading(command, program)}\n\n\`\`\`\n${helpOf(command).trim()}\n\`\`\`\n`)
    .join('\n');
}

function heading(command: Command, program: Command): string {
  if (command === program) return '## All commands';
  const names: string[] = [];
  for (let at: Command | null = command; at !== null && at !== program; at = at.parent) names.unshift(at.name());
  return `## ${names.join(' ')}`;
}

function helpOf(command: Command): string {
  command.configureHelp({ helpWidth: COLUMNS });
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHasColors: () => false });
  command.outputHelp();
  return text;
}
