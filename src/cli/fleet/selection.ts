import type { ClusterFlags } from '../base/context.ts';
import { CliError } from '../base/exit.ts';
import type { Selection } from './fleet.ts';

/** The flags of every command that is about some devices, named as kubectl names them. */
export interface SelectFlags extends ClusterFlags {
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly allNamespaces?: boolean;
}

/** Throws where neither names nor flags say which devices. */
export function selectionOf(names: readonly string[], flags: SelectFlags): Selection {
  const isSelected = flags.selector !== undefined || flags.fieldSelector !== undefined || flags.allNamespaces === true;
  if (names.length === 0 && !isSelected)
    throw new CliError(
      'say which devices: by name before all else, with -l or --field-selector, or all of them with -A',
    );
  return { names, ...flags };
}
